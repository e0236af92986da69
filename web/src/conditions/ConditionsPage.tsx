import { Button, Skeleton } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useReread } from '../api/reread'
import { plural } from '../format/format'
import { conditionsRoute } from '../router'
import { keep, useCluster } from '../shell/cluster'
import { Chips, Filter } from '../ui/Chips'
import { Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { ConditionList } from './ConditionList'
import { conditionsQuery } from './queries'

const rereadMs = 5_000

export function ConditionsPage() {
  const cluster = useCluster()
  const { show, kind } = conditionsRoute.useSearch()
  const navigate = conditionsRoute.useNavigate()
  const open = show === 'open'
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery(conditionsQuery({ cluster, kind, open }))
  useReread(refetch, rereadMs, (data?.pages.length ?? 0) <= 1)
  const rows = data?.pages.flatMap((p) => p.items) ?? []
  const lasting = rows.filter((c) => !c.until)
  return (
    <Page
      title="Conditions"
      name="Conditions"
      lead={isPending ? undefined : lasting.length ? `${plural(lasting.length, 'thing needs', 'things need')} a look.` : 'Nothing is the matter. Below is what was.'}
      actions={
        <Link to="/activity" search={keep(cluster)}>
          Activity
        </Link>
      }
    >
      <div className="row">
        <Chips label="Show" options={[['open', 'only those that last']]} chosen={show} onToggle={() => void navigate({ search: (old) => ({ ...old, show: open ? undefined : 'open' }), replace: true })} />
        {kind ? <Filter text={kind.replaceAll('_', ' ')} onRemove={() => void navigate({ search: (old) => ({ ...old, kind: undefined }), replace: true })} /> : null}
      </div>
      <Trouble error={error} what="The conditions cannot be read" healed={!!data} />
      <Panel flush label="Conditions">
        {isPending ? (
          <div style={{ padding: 14 }}>
            <Skeleton height={44} />
          </div>
        ) : rows.length ? (
          <ConditionList list={rows} />
        ) : (
          <Empty title={open ? 'Nothing is the matter' : 'Nothing was ever the matter'}>
            <p>Credentials that fail, a quota that is reached, a minimum that cannot be held, reports that are late: each would stand here with what to do about it.</p>
          </Empty>
        )}
        {hasNextPage ? (
          <div className={ui.more}>
            <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              Older
            </Button>
          </div>
        ) : null}
      </Panel>
      <Same command={`godwit condition list${cluster ? ` --cluster ${cluster}` : ''}`} />
    </Page>
  )
}
