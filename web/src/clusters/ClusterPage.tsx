import { Skeleton } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { verb, why } from '../activity/fold'
import { decisionsQuery, overviewQuery, rereadMs } from '../api/queries'
import { isRefusal } from '../api/refusal'
import { useReread } from '../api/reread'
import type { Cluster, Overview } from '../api/types'
import { CertificatePanel } from '../certificates/CertificatePanel'
import { share } from '../configuration/rollout'
import { initial, plural, rate } from '../format/format'
import { who } from '../format/who'
import { useDrift } from '../nodes/drift'
import { useNames, withNames } from '../nodes/names'
import { Flock } from '../overview/Flock'
import { summary } from '../policy/summary'
import { UpgradePanel } from '../rollouts/UpgradePanel'
import { clusterRoute } from '../router'
import { NotFound } from '../shell/Lost'
import { Ago } from '../ui/Ago'
import { Id, Same } from '../ui/Copy'
import { Empty, Facts, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { ClusterActions } from './ClusterActions'
import s from './clusters.module.css'
import { verdict } from './health'
import { LinksPanel } from './LinksPanel'
import { ClusterTabs, ClusterTag } from './parts'
import { clusterQuery, conditionsQuery, policyQuery, rolloutQuery } from './queries'

export function ClusterPage() {
  const { name } = clusterRoute.useParams()
  const { data: c, error, refetch } = useQuery(clusterQuery(name))
  const { data: o, refetch: look } = useQuery(overviewQuery(name))
  useReread(refetch, rereadMs.overview)
  useReread(look, rereadMs.overview)
  if (isRefusal(error, 404)) return <NotFound />
  if (!c) {
    return (
      <Page title={name} name={name}>
        <Trouble error={error} what="The cluster cannot be read" />
        {error ? null : <Skeleton height={320} />}
      </Page>
    )
  }
  const v = verdict(c)
  return (
    <Page
      title={c.name}
      name={c.name}
      lead={
        <>
          <ClusterTag cluster={c} /> <span className="dim">{v.text}</span>
        </>
      }
      actions={<ClusterActions cluster={c} sessions={o?.sessions ?? 0} />}
    >
      <ClusterTabs name={c.name} />
      <Trouble error={error} what="What is shown may be old" />
      <div className={s.two}>
        <Panel title="Nodes" aside={<Link to="/nodes" search={{ cluster: c.name }}>all nodes</Link>}>
          <Numbers cluster={c} o={o} />
          <div style={{ marginTop: 14 }}>
            {o?.nodes.length ? (
              <Flock nodes={o.nodes} cluster={c.name} height={150} />
            ) : (
              <Empty title="No nodes">
                <p>{c.paused ? 'The cluster is paused: resume it, and the policy’s floor is launched.' : 'The next decision launches what the policy’s floor asks for; it takes a few seconds.'}</p>
              </Empty>
            )}
          </div>
        </Panel>
        <div style={{ display: 'grid', gap: 16 }}>
          <Doing o={o} name={c.name} />
          <UpgradePanel cluster={c} />
          <LinksPanel cluster={c.name} />
          <Conditions cluster={c} />
        </div>
        <PolicyPanel name={c.name} />
        <WhatItIs cluster={c} />
        <CertificatePanel cluster={c} />
      </div>
      <Same command={`godwit cluster get ${c.name}`} />
    </Page>
  )
}

function Numbers({ cluster: c, o }: { cluster: Cluster; o: Overview | undefined }) {
  const figures: [string, string, string?][] = [
    ['running', String(c.nodes.by_state.running ?? 0), `of ${c.nodes.total}`],
    ['take clients', String(c.nodes.available)],
    ['sessions', o ? String(o.sessions) : '–'],
    ['in', o ? rate(o.receive_bps) : '–'],
    ['out', o ? rate(o.send_bps) : '–'],
  ]
  return (
    <dl className={s.big}>
      {figures.map(([k, v, of]) => (
        <div key={k}>
          <dt>{k}</dt>
          <dd>
            {v} {of ? <small>{of}</small> : null}
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Doing({ o, name }: { o: Overview | undefined; name: string }) {
  const { data } = useInfiniteQuery(decisionsQuery({ cluster: name, kind: 'act' }))
  const named = useNames()
  const latest = (data?.pages[0]?.items ?? []).slice(0, 4)
  return (
    <Panel title="What it does, and why" aside={<Link to="/activity" search={{ cluster: name }}>activity</Link>}>
      {o ? <p className={s.sentence}>{initial(withNames(o.doing, o.nodes))}</p> : <Skeleton height={22} />}
      {latest.length ? (
        <ul className={s.lines} style={{ marginTop: 12 }}>
          {latest.map((d) => (
            <li key={d.id}>
              <Link to="/activity/$id" params={{ id: d.id }}>
                {initial(verb(d))}
              </Link>
              <Ago at={d.at} />
              <small>{named(why(d)[0] ?? '')}</small>
            </li>
          ))}
        </ul>
      ) : null}
    </Panel>
  )
}

// Conditions are what is wrong now, and greyed what was wrong lately.
function Conditions({ cluster: c }: { cluster: Cluster }) {
  const { data, error } = useQuery(conditionsQuery(c.name))
  const list = data?.items ?? []
  return (
    <Panel title="Conditions">
      <Trouble error={error} what="The conditions cannot be read" healed={!!data} />
      {list.length ? (
        <ul className={s.conditions}>
          {list.map((x) => (
            <li key={x.id} data-open={x.until ? 'no' : 'yes'}>
              <span>
                {x.subject ? <code>{x.subject}</code> : null} {x.text}
              </span>
              {x.next && !x.until ? <strong>{x.next}</strong> : null}
              <small>
                {x.until ? (
                  <>
                    healthy again <Ago at={x.until} />
                  </>
                ) : (
                  <>
                    since <Ago at={x.since} />
                  </>
                )}{' '}
                · <code>{x.kind}</code>
              </small>
            </li>
          ))}
        </ul>
      ) : data ? (
        <p className="dim">Nothing is wrong, and nothing was lately.</p>
      ) : error ? null : (
        <Skeleton height={20} />
      )}
    </Panel>
  )
}

// WhatItIs says what its nodes are launched from and run with, and how many are not there yet.
function WhatItIs({ cluster: c }: { cluster: Cluster }) {
  const { data: r } = useQuery(rolloutQuery(c.name))
  const drift = useDrift(c.name)
  return (
    <Panel title="What it is">
      <Facts
        rows={[
          [
            'Template',
            <span key="t">
              <Link to="/templates/$name" params={{ name: c.template.name }}>
                {c.template.name}
              </Link>{' '}
              {drift.size ? (
                <Link to="/nodes" search={{ cluster: c.name, drift: 'yes' }} style={{ color: 'var(--warn)' }}>
                  {plural(drift.size, 'node')} behind it
                </Link>
              ) : (
                <span className="dim">no node differs from it</span>
              )}
            </span>,
          ],
          [
            'Configuration',
            r ? (
              <span key="c">
                <Link to="/clusters/$name/configuration" params={{ name: c.name }}>
                  version {r.version}
                </Link>{' '}
                <span className={r.refused ? undefined : 'dim'} style={r.refused ? { color: 'var(--bad)' } : undefined}>
                  {share(r).text}
                </span>
              </span>
            ) : null,
          ],
          [
            'In DNS',
            c.names ? (
              <span key="n">
                <Id value={c.names.available} what="name of the available nodes" />
                <br />
                <Id value={c.names.all} what="name of all nodes" />
              </span>
            ) : null,
          ],
          ['Made', <Ago key="m" at={c.created_at} />],
          ['Id', <Id key="i" value={c.id} />],
        ]}
      />
    </Panel>
  )
}

function PolicyPanel({ name }: { name: string }) {
  const { data } = useQuery(policyQuery(name))
  return (
    <Panel title="Policy" aside={<Link to="/clusters/$name/policy" params={{ name }}>{data ? `version ${data.data.version}, open` : 'open'}</Link>}>
      {data ? (
        <div style={{ display: 'grid', gap: 6 }}>
          {summary(data.data.policy).map((t) => (
            <p key={t}>{t}</p>
          ))}
          <p className="dim">
            Changed {data.data.author ? `by ${who(data.data.author)} ` : ''}
            <Ago at={data.data.created_at} />. {plural(data.data.version, 'version')}.
          </p>
        </div>
      ) : (
        <Skeleton height={80} />
      )}
    </Panel>
  )
}
