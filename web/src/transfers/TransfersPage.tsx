import { Button, Skeleton } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useMay } from '../account/may'
import { clustersQuery, liveTransfersQuery, rereadMs, transfersQuery } from '../api/queries'
import { useReread } from '../api/reread'
import { count, plural, rate } from '../format/format'
import { useTenants } from '../keys/queries'
import { short } from '../keys/Tenant'
import { transfersRoute } from '../router'
import { useCluster } from '../shell/cluster'
import { toggled } from '../shell/search'
import { Chips, Filter } from '../ui/Chips'
import { Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { useStill } from '../ui/still'
import ui from '../ui/ui.module.css'
import { ended } from './progress'
import { TransferTable } from './TransferTable'

const states = ['done', 'failed', 'cancelled', 'expired'].map((v) => [v, v] as const)
const directions = [
  ['push', '↑ push'],
  ['pull', '↓ pull'],
] as const

export function TransfersPage() {
  const may = useMay('admin')
  const cluster = useCluster()
  const search = transfersRoute.useSearch()
  const navigate = transfersRoute.useNavigate()
  const filter = { cluster, ...search }
  const tenants = useTenants()
  const { data: clusters } = useQuery(clustersQuery)
  const only = clusters?.items.length === 1 ? clusters.items[0]?.name : undefined
  const live = useQuery(liveTransfersQuery({ ...filter, state: undefined }))
  useReread(live.refetch, rereadMs.live)
  // What runs is above; the list below holds the rest.
  const past = useInfiniteQuery(transfersQuery({ ...filter, state: search.state ?? 'done,failed,cancelled,expired' }))
  // Whoever pages back reads old pages: they do not change.
  useReread(past.refetch, rereadMs.live, (past.data?.pages.length ?? 0) <= 1)
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  const running = live.data?.items ?? []
  const rows = useMemo(() => past.data?.pages.flatMap((p) => p.items).filter((t) => ended(t.state)) ?? [], [past.data])
  const still = useStill(rows)
  const total = running.reduce((a, t) => a + t.rate_bps, 0)
  return (
    <Page title="Transfers" name="Transfers" lead={running.length ? `${plural(running.length, 'transfer')} running, ${rate(total)} together.` : undefined}>
      <div className="row">
        <Chips label="Direction" options={directions} chosen={search.direction} onToggle={(v) => set({ direction: search.direction === v ? undefined : v })} />
        <span className="between">·</span>
        <Chips label="State of past ones" options={states} chosen={search.state} onToggle={(v) => set({ state: toggled(search.state, v) })} />
        {search.access_key ? <Filter text={`tenant ${tenants.get(search.access_key) ?? short(search.access_key)}`} onRemove={() => set({ access_key: undefined })} /> : null}
        {search.node ? <Filter text={`node ${search.node}`} onRemove={() => set({ node: undefined })} /> : null}
        {search.q ? <Filter text={`“${search.q}”`} onRemove={() => set({ q: undefined })} /> : null}
      </div>
      <Trouble error={live.error} what="Running transfers cannot be read" healed={!!live.data} />
      <Panel title="Running now" flush>
        {live.isPending ? (
          <Rows />
        ) : running.length ? (
          <TransferTable transfers={running} live />
        ) : (
          <Empty title="Nothing runs right now">
            <p>A transfer shows here the moment it starts:</p>
            <code>godwit cp -r FOLDER {cluster ?? only ?? 'CLUSTER'}:/</code>
            {may ? <Link to="/start">Make an access key and get the commands filled in</Link> : null}
          </Empty>
        )}
      </Panel>
      <Trouble error={past.error} what="Past transfers cannot be read" healed={rows.length > 0} />
      <Panel title="Past" flush aside={rows.length ? <span className="dim">newest first</span> : null}>
        <div {...still.handlers}>
          {still.fresh ? (
            <button type="button" className={ui.fresh} onClick={still.release}>
              {count(still.fresh)} new
            </button>
          ) : null}
          {past.isPending ? <Rows /> : rows.length ? <TransferTable transfers={still.rows} /> : <Empty title={Object.keys(search).length ? 'No past transfer is like that' : 'No transfer has ended yet'} />}
        </div>
        {past.hasNextPage ? (
          <div className={ui.more}>
            <Button size="xs" variant="default" loading={past.isFetchingNextPage} onClick={() => void past.fetchNextPage()}>
              Older than these {count(rows.length)}
            </Button>
          </div>
        ) : null}
      </Panel>
      <Same command={`godwit transfer list${cluster ? ` --cluster ${cluster}` : ''}`} />
    </Page>
  )
}

function Rows() {
  return (
    <div style={{ padding: 14, display: 'grid', gap: 10 }}>
      <Skeleton height={34} />
      <Skeleton height={34} />
    </div>
  )
}
