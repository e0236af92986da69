import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { Forecast as Answer } from '../api/types'
import { percent, span } from '../format/format'
import { Ago } from '../ui/Ago'
import { TimeChart, type Curve } from '../ui/TimeChart'
import { Trouble } from '../ui/Trouble'
import { worth } from './outcome'
import s from './policy.module.css'

// Forecast shows what it has learnt, how far it came true, and what it expects.
export function Forecast({ cluster }: { cluster: string }) {
  const { data, error } = useQuery({
    queryKey: ['forecast', cluster],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/clusters/{cluster}/forecast', { params: { path: { cluster } }, signal })),
    refetchInterval: 60_000,
  })
  if (!data) return error ? <Trouble error={error} what="The forecast cannot be read" /> : <Skeleton height={120} />
  return <Learnt f={data} />
}

function Learnt({ f }: { f: Answer }) {
  const at = useMemo(() => f.points.map((p) => Date.parse(p.at) / 1000), [f])
  const curves = useMemo<Curve[]>(
    () => [
      { label: 'came', colour: '--in', values: f.points.map((p) => p.actual ?? null), fill: true },
      { label: 'expected', colour: '--out', values: f.points.map((p) => p.predicted ?? null), dash: [5, 4] },
    ],
    [f],
  )
  if (!f.learned_from) return <p className="dim">It has seen nothing yet. It learns from every step; a day gives a first guess, a week the rhythm.</p>
  return (
    <div className={s.figure}>
      <p className={s.headline}>{worth(f.score)}</p>
      {f.score.hours > 0 ? (
        <dl className={s.outcomes}>
          <div>
            <dt>mean error</dt>
            <dd>{percent(f.score.mape)}</dd>
          </div>
          <div>
            <dt>leans</dt>
            <dd>
              {Math.abs(f.score.bias) < 0.05 ? 'neither way' : `${Math.abs(f.score.bias).toFixed(1)} nodes`} <small>{Math.abs(f.score.bias) < 0.05 ? '' : f.score.bias > 0 ? 'too many' : 'too few'}</small>
            </dd>
          </div>
          <div>
            <dt>against “as five minutes ago”</dt>
            <dd>{percent(Math.abs(f.score.skill))} <small>{f.score.skill >= 0 ? 'better' : 'worse'}</small></dd>
          </div>
          <div>
            <dt>scored for</dt>
            <dd>{span(f.score.hours * 3600)}</dd>
          </div>
        </dl>
      ) : null}
      {f.points.length > 1 ? <TimeChart at={at} curves={curves} height={170} unit={nodesUnit} label="Demand in nodes: what came and what was expected" /> : null}
      <span className="dim">
        Learnt since <Ago at={f.learned_from} />. In nodes’ worth of promised demand.
      </span>
    </div>
  )
}

const nodesUnit = (v: number): string => (Number.isInteger(v) ? String(v) : v.toFixed(1))
