import { Skeleton, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../api/client'
import { clustersQuery } from '../api/queries'
import { answer, isRefusal } from '../api/refusal'
import type { Reason } from '../api/types'
import { absolute, initial } from '../format/format'
import { useNames } from '../nodes/names'
import { whyNotRoute } from '../router'
import { keep, useCluster } from '../shell/cluster'
import { Ago } from '../ui/Ago'
import { Chips } from '../ui/Chips'
import { Same } from '../ui/Copy'
import form from '../ui/form.module.css'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import s from './activity.module.css'

const asked = ['launch', 'drain', 'undrain', 'move', 'terminate', 'start', 'stop'] as const
type Asked = (typeof asked)[number]

// WhyNotPage answers why something was not done: the reasons of the decision that was in force then.
export function WhyNotPage() {
  const cluster = useCluster()
  const { action = 'launch', at } = whyNotRoute.useSearch()
  const navigate = whyNotRoute.useNavigate()
  const { data: clusters } = useQuery(clustersQuery)
  const name = cluster ?? clusters?.items[0]?.name
  const when = at && !Number.isNaN(Date.parse(at)) ? new Date(at).toISOString() : undefined
  const wanted: Asked = asked.find((a) => a === action) ?? 'launch'
  const { data: found, error } = useQuery({
    queryKey: ['why-not', name, wanted, when],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/decisions/why-not', { params: { query: { cluster: name ?? '', action: wanted, ...(when && { at: when }) } }, signal })),
    enabled: !!name,
    refetchInterval: when ? false : 5_000,
  })
  return (
    <Page
      title={`Why was nothing ${past[wanted]}?`}
      name="Why not"
      lead={
        <>
          What held it back {when ? absolute(when) : 'just now'}{name ? <>, in <b>{name}</b></> : null} · <Link to="/activity" search={keep(cluster)}>all decisions</Link>
        </>
      }
    >
      <div className={s.filters}>
        <Chips label="Action" options={asked.map((a) => [a, a] as const)} chosen={wanted} onToggle={(v) => void navigate({ search: (old) => ({ ...old, action: v }), replace: true })} />
        <TextInput
          type="datetime-local"
          size="xs"
          aria-label="At what time; empty for now"
          value={at ?? ''}
          onChange={(e) => {
            const v = e.currentTarget.value
            void navigate({ search: (old) => ({ ...old, at: v || undefined }), replace: true })
          }}
        />
      </div>
      {isRefusal(error, 404) ? (
        <Panel>
          <Empty title="Nothing was decided then">
            <p>The cluster was younger than that, or its decisions are no longer kept.</p>
          </Empty>
        </Panel>
      ) : (
        <Trouble error={error} what="The decision cannot be read" healed={!!found} />
      )}
      {found ? (
        <>
          <Panel title="The answer">
            <p data-testid="why-not">{found.text}</p>
          </Panel>
          <div className={s.two}>
            <Panel title="What held it back">
              <List list={found.held_back} none="Nothing held it back." />
            </Panel>
            <Panel title="Why it was not needed">
              <List list={found.unneeded} none="It was needed." />
            </Panel>
          </div>
          <p className="dim">
            Of the decision{' '}
            <Link to="/activity/$id" params={{ id: found.decision.id }} search={keep(cluster)}>
              made <Ago at={found.decision.at} />
            </Link>
            , in force until <Ago at={found.decision.until} />.
          </p>
        </>
      ) : error || !name ? null : (
        <Skeleton height={160} />
      )}
      <div className={form.fields}>
        <Same command={`godwit decision why-not ${name ?? 'CLUSTER'} --action ${wanted}${when ? ` --at ${when}` : ''}`} />
      </div>
    </Page>
  )
}

const past: Record<Asked, string> = { launch: 'launched', drain: 'drained', undrain: 'un-drained', move: 'moved', terminate: 'terminated', start: 'started', stop: 'stopped' }

function List({ list, none }: { list: Reason[]; none: string }) {
  const name = useNames()
  if (!list.length) return <p className="dim">{none}</p>
  return (
    <ul className={s.reasons}>
      {list.map((r, i) => (
        <li key={i}>
          <span>{initial(name(r.text))}</span>
          <small>{r.code}</small>
        </li>
      ))}
    </ul>
  )
}
