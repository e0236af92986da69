import { Button, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay } from '../account/may'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { Node } from '../api/types'
import { plural } from '../format/format'
import { Age } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Empty, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { nodeServicesQuery } from './queries'

// Services are what the node's agent supervises; an operator may give one a fresh process.
export function Services({ node: n }: { node: Node }) {
  const { data, error } = useQuery(nodeServicesQuery(n.id))
  const may = useMay('operator') && (n.state === 'running' || n.state === 'draining')
  const [asked, setAsked] = useState<string>()
  const list = data?.items ?? n.services
  return (
    <Panel title="Services" flush>
      <Trouble error={error} what="The services cannot be read" healed={!!data} />
      {list.length ? (
        <div className={ui.scroll}>
          <table className={ui.table}>
            <thead>
              <tr>
                <th>Service</th>
                <th>State</th>
                <th>Restarts</th>
                <th>Up for</th>
                {may ? <th><span className="hidden">Actions</span></th> : null}
              </tr>
            </thead>
            <tbody>
              {list.map((x) => (
                <tr key={x.name}>
                  <td>
                    <code>{x.name}</code>
                  </td>
                  <td>
                    {x.state} {x.healthy ? '' : <strong style={{ color: 'var(--bad)' }}>unhealthy</strong>}
                    {x.last_error ? <div className="dim">{x.last_error}</div> : null}
                  </td>
                  <td className="num">{x.restarts}</td>
                  <td>{x.started_at ? <Age since={x.started_at} /> : '–'}</td>
                  {may ? (
                    <td className={ui.right}>
                      <Button size="compact-xs" variant="default" aria-label={`Restart ${x.name}`} onClick={() => setAsked(x.name)}>
                        Restart…
                      </Button>
                    </td>
                  ) : null}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Empty title="No service has reported yet" />
      )}
      {asked ? <Restart node={n} service={asked} onClose={() => setAsked(undefined)} /> : null}
    </Panel>
  )
}

function Restart({ node: n, service, onClose }: { node: Node; service: string; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const queries = useQueryClient()
  return (
    <Confirm
      title={`Restart ${service} on ${n.name}?`}
      consequences={[
        n.sessions ? `Its ${plural(n.sessions, 'session')} break off for a moment and resume: nothing that was safe is sent again.` : 'It serves nobody now, so nothing is interrupted.',
        'The node keeps its place, its address and its certificate.',
      ]}
      label={`Restart ${service}`}
      failed={`${service} was not restarted`}
      command={`godwit service restart ${n.name} ${service}`}
      act={() => answer(client.POST('/api/v1/nodes/{node}/services/{service}/restart', { params: { path: { node: n.id, service } }, body: reason.trim() ? { reason: reason.trim() } : {} }))}
      onDone={() => Promise.all(['node', 'node-services', 'node-events'].map((k) => queries.invalidateQueries({ queryKey: [k] })))}
      onClose={onClose}
    >
      <TextInput label="Reason" description="Kept in the audit." maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
    </Confirm>
  )
}
