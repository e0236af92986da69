import { Button, Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMay } from '../account/may'
import { templatesQuery } from '../clusters/queries'
import { Ago } from '../ui/Ago'
import { Command, Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'

export function TemplatesPage() {
  const { data, error, isPending } = useQuery({ ...templatesQuery, refetchInterval: 30_000 })
  const admin = useMay('admin')
  const navigate = useNavigate()
  const items = data?.items ?? []
  return (
    <Page
      title="Templates"
      name="Templates"
      lead="What clusters launch: where a node runs, and what it may send and receive."
      actions={admin ? <Button onClick={() => void navigate({ to: '/templates/new' })}>New template</Button> : null}
    >
      <Trouble error={error} what="The templates cannot be read" healed={items.length > 0} />
      <Panel flush label="Templates">
        {isPending ? (
          <Skeleton height={80} m={14} w="auto" />
        ) : items.length ? (
          <div className={ui.scroll}>
            <table className={`${ui.table} ${ui.cards}`}>
              <thead>
                <tr>
                  <th>Template</th>
                  <th>Provider</th>
                  <th>Clusters</th>
                  <th>Version</th>
                  <th>Changed</th>
                </tr>
              </thead>
              <tbody>
                {items.map((t) => (
                  <tr key={t.id}>
                    <td data-label="Template">
                      <Link to="/templates/$name" params={{ name: t.name }} style={{ fontWeight: 600 }}>
                        {t.name}
                      </Link>
                    </td>
                    <td data-label="Provider">{t.provider}</td>
                    <td data-label="Clusters">
                      <span className="row">
                        {t.clusters.length ? (
                          t.clusters.map((c) => (
                            <Link key={c.id} to="/clusters/$name" params={{ name: c.name }}>
                              {c.name}
                            </Link>
                          ))
                        ) : (
                          <span className="dim">none yet</span>
                        )}
                      </span>
                    </td>
                    <td data-label="Version" className="num">
                      {t.version}
                    </td>
                    <td data-label="Changed">
                      <Ago at={t.updated_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : error ? null : (
          <Empty title="No template yet">
            <p>A template is what a cluster launches its nodes from. The first one takes a minute:</p>
            <Command text="godwit template create local --provider local" />
          </Empty>
        )}
      </Panel>
      <Same command="godwit template list" />
    </Page>
  )
}
