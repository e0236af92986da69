import { Button, Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMay } from '../account/may'
import { clustersQuery } from '../api/queries'
import { useReread } from '../api/reread'
import type { Cluster } from '../api/types'
import { plural } from '../format/format'
import { Ago } from '../ui/Ago'
import { Command, Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { verdict } from './health'
import { ClusterTag, Share } from './parts'

export function ClustersPage() {
  const { data, error, isPending, refetch } = useQuery(clustersQuery)
  useReread(refetch, 5000)
  const admin = useMay('admin')
  const navigate = useNavigate()
  const items = data?.items ?? []
  return (
    <Page
      title="Clusters"
      name="Clusters"
      lead="Nodes that share a template and a policy, and look like one server to clients."
      actions={admin ? <Button onClick={() => void navigate({ to: '/clusters/new' })}>New cluster</Button> : null}
    >
      <Trouble error={error} what="The clusters cannot be read" healed={items.length > 0} />
      <Panel flush label="Clusters">
        {isPending ? (
          <div style={{ padding: 14, display: 'grid', gap: 10 }}>
            <Skeleton height={40} />
            <Skeleton height={40} />
          </div>
        ) : items.length ? (
          <div className={ui.scroll}>
            <table className={`${ui.table} ${ui.cards}`}>
              <thead>
                <tr>
                  <th>Cluster</th>
                  <th>State</th>
                  <th>Nodes</th>
                  <th>Takes clients</th>
                  <th>Template</th>
                  <th>Policy</th>
                  <th>Made</th>
                </tr>
              </thead>
              <tbody>
                {items.map((c) => (
                  <Row key={c.id} cluster={c} />
                ))}
              </tbody>
            </table>
          </div>
        ) : error ? null : (
          <Empty title="No cluster yet">
            <p>A cluster needs a template, which says what a node is. The first-run page makes both, on this machine, in a minute.</p>
            <Link to="/start">From nothing to the first transfer</Link>
            <Command text="godwit cluster create studio --template local" />
          </Empty>
        )}
      </Panel>
      <Same command="godwit cluster list" />
    </Page>
  )
}

function Row({ cluster: c }: { cluster: Cluster }) {
  const v = verdict(c)
  return (
    <tr>
      <td data-label="Cluster">
        <Link to="/clusters/$name" params={{ name: c.name }} style={{ fontWeight: 600 }}>
          {c.name}
        </Link>
      </td>
      <td data-label="State">
        <div>
          <ClusterTag cluster={c} />
          {v.tone === 'good' ? null : <div className="dim" style={{ fontSize: 12.5 }}>{v.text}</div>}
        </div>
      </td>
      <td data-label="Nodes">
        <div style={{ display: 'grid', gap: 3, maxWidth: 180 }}>
          <Share nodes={c.nodes} />
          <span className="dim" style={{ fontSize: 12 }}>
            {plural(c.nodes.total, 'node')}
          </span>
        </div>
      </td>
      <td data-label="Takes clients" className="num">
        <span>
          {c.nodes.available} <span className="dim">of {c.nodes.by_state.running ?? 0} running</span>
        </span>
      </td>
      <td data-label="Template">
        <Link to="/templates/$name" params={{ name: c.template.name }}>
          {c.template.name}
        </Link>
      </td>
      <td data-label="Policy">
        <Link to="/clusters/$name/policy" params={{ name: c.name }}>
          version {c.policy_version}
        </Link>
      </td>
      <td data-label="Made">
        <Ago at={c.created_at} />
      </td>
    </tr>
  )
}
