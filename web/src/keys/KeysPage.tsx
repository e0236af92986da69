import { Button, Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMay } from '../account/may'
import { useReread } from '../api/reread'
import type { AccessKey } from '../api/types'
import { count, plural, rate } from '../format/format'
import { keysRoute } from '../router'
import { keep, useCluster } from '../shell/cluster'
import { Ago } from '../ui/Ago'
import { Chips, Filter } from '../ui/Chips'
import { Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import s from './keys.module.css'
import { keysQuery } from './queries'

const rereadMs = 10_000

export function KeysPage() {
  const cluster = useCluster()
  const may = useMay('admin')
  const search = keysRoute.useSearch()
  const navigate = keysRoute.useNavigate()
  const { data: keys, error, refetch } = useQuery(keysQuery({ q: search.q, revoked: search.show === 'revoked' }))
  useReread(refetch, rereadMs)
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  const busy = keys?.filter((k) => k.sessions > 0) ?? []
  return (
    <Page
      title="Access keys"
      name="Access keys"
      lead={keys ? `${plural(keys.filter((k) => k.state === 'active').length, 'tenant')} may move files${busy.length ? `; ${busy.length === 1 ? 'one does' : `${count(busy.length)} do`} right now, ${rate(busy.reduce((a, k) => a + k.rate_bps, 0))} together` : ''}.` : undefined}
      actions={
        may ? (
          <Button component={Link} to="/keys/new" size="sm">
            New access key
          </Button>
        ) : null
      }
    >
      <div className="row">
        <Chips label="Show" options={[['revoked', 'with revoked']]} chosen={search.show} onToggle={() => set({ show: search.show ? undefined : 'revoked' })} />
        {search.q ? <Filter text={`“${search.q}”`} onRemove={() => set({ q: undefined })} /> : null}
        <input
          type="search"
          className={ui.find}
          aria-label="Find by name or id"
          placeholder="Name or id"
          defaultValue={search.q}
          onKeyDown={(e) => e.key === 'Enter' && set({ q: e.currentTarget.value.trim() || undefined })}
        />
      </div>
      <Trouble error={error} what="The access keys cannot be read" healed={!!keys} />
      <Panel flush label="Access keys">
        {!keys ? (
          error ? null : (
            <div style={{ padding: 14, display: 'grid', gap: 10 }}>
              <Skeleton height={40} />
              <Skeleton height={40} />
            </div>
          )
        ) : keys.length ? (
          <Table keys={keys} cluster={cluster} />
        ) : search.q ? (
          <Empty title={`No access key has “${search.q}” in its name or id`} />
        ) : (
          <Empty title="Nobody may move files yet">
            <p>Each tenant gets an access key of its own: a place for files, limits, and a secret to sign in with.</p>
            {may ? <Link to="/keys/new">Make the first access key</Link> : <p>An administrator makes them.</p>}
          </Empty>
        )}
      </Panel>
      <Same command="godwit key list" />
    </Page>
  )
}

function Table({ keys, cluster }: { keys: AccessKey[]; cluster: string | undefined }) {
  return (
    <div className={ui.scroll}>
      <table className={`${ui.table} ${ui.cards}`}>
        <thead>
          <tr>
            <th>Tenant</th><th>Storage</th><th>May</th><th>Now</th><th>Limit</th><th>Last used</th>
          </tr>
        </thead>
        <tbody>
          {keys.map((k) => (
            <tr key={k.id} className={k.state === 'revoked' ? s.revoked : undefined}>
              <td data-label="Tenant">
                <Link to="/keys/$id" params={{ id: k.id }} search={keep(cluster)} className={s.name}>
                  {k.name}
                </Link>
                {k.state === 'revoked' ? <span className={s.tag}>revoked</span> : null}
                <div className={s.id}>{k.id}</div>
              </td>
              <td data-label="Storage">
                <span className="dim">{k.storage.type}</span> <code>{k.storage.path}</code>
              </td>
              <td data-label="May">{may(k.permissions)}</td>
              <td data-label="Now">
                <Use k={k} />
              </td>
              <td data-label="Limit" className="num">
                {limits(k)}
              </td>
              <td data-label="Last used">{k.last_used_at ? <Ago at={k.last_used_at} /> : <span className="dim">never</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

export const may = (list: string[]): string => (list.length === 4 ? 'everything' : list.join(', ') || 'nothing')

export const limits = (k: AccessKey): string =>
  [k.limits.max_rate_bps ? rate(k.limits.max_rate_bps) : '', k.limits.max_sessions ? plural(k.limits.max_sessions, 'session') : ''].filter(Boolean).join(', ') || 'none'

// Use is what a tenant takes now, as a share of what it may.
export function Use({ k }: { k: AccessKey }) {
  if (!k.sessions) return <span className="dim">–</span>
  const most = k.limits.max_rate_bps ?? 0
  return (
    <span className="num">
      {rate(k.rate_bps)} <span className="dim">· {plural(k.sessions, 'session')}</span>
      {most ? (
        <span className={ui.bar} style={{ display: 'block', marginTop: 3 }} role="img" aria-label={`${Math.round((100 * k.rate_bps) / most)} % of its limit`}>
          <i style={{ width: `${Math.min(100, (100 * k.rate_bps) / most)}%`, background: 'var(--accent)' }} />
        </span>
      ) : null}
    </span>
  )
}
