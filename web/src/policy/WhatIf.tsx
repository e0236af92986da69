import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useMemo } from 'react'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { Policy, WhatIf as Answer } from '../api/types'
import { count, initial, percent } from '../format/format'
import { Ago } from '../ui/Ago'
import { Panel } from '../ui/Page'
import { TimeChart, type Curve } from '../ui/TimeChart'
import { Trouble } from '../ui/Trouble'
import type { Doc } from './draft'
import { figures, told } from './outcome'
import s from './policy.module.css'

const days = 7

// WhatIf replays the load of the last week under the draft and under the policy in force. It is asked for by a press:
// a week takes the manager seconds.
export function WhatIf({ cluster, body, edited }: { cluster: string; body: Doc; edited: boolean }) {
  const run = useMutation({
    mutationFn: async (policy: string) => ({
      policy,
      answer: await answer(
        client.POST('/api/v1/clusters/{cluster}/policy/what-if', {
          params: { path: { cluster } },
          body: { ...(policy !== '{}' && { policy: JSON.parse(policy) as Partial<Policy> }), from: new Date(Date.now() - days * 86_400_000).toISOString() },
        }),
      ),
    }),
  })
  const asked = JSON.stringify(body)
  const old = run.data && run.data.policy !== asked
  return (
    <Panel
      title={edited ? 'The last seven days under your changes' : 'The last seven days under this policy'}
      aside={
        <Button size="compact-sm" variant={run.data && !old ? 'default' : 'filled'} loading={run.isPending} onClick={() => run.mutate(asked)}>
          {run.data ? 'Play it again' : 'Play it through'}
        </Button>
      }
    >
      <Trouble error={run.error} what="It cannot be played through" />
      {run.data ? (
        <div className={old ? s.waiting : undefined} aria-live="polite">
          {old ? <p>You have changed the draft since: play it again.</p> : null}
          <Outcome a={run.data.answer} edited={run.data.policy !== '{}'} />
        </div>
      ) : run.error ? null : (
        <p className="dim">
          The load that was recorded is decided upon anew, step by step{edited ? ', once as it was and once with your changes' : ''}: how many node-hours, how many clients refused, how long below the promise.
        </p>
      )}
    </Panel>
  )
}

// Outcome is what an answer says; its notes are what the manager wants known of the numbers.
export function Outcome({ a, edited }: { a: Answer; edited: boolean }) {
  const at = useMemo(() => a.series.map((p) => Date.parse(p.at) / 1000), [a])
  const curves = useMemo<Curve[]>(
    () => [
      { label: 'demand, in nodes', colour: '--ink-3', values: a.series.map((p) => p.demand_nodes), fill: true },
      { label: 'in force', colour: '--in', values: a.series.map((p) => p.current_nodes), steps: true, ...(edited && { dash: [5, 4] }) },
      ...(edited ? [{ label: 'with your changes', colour: '--out', values: a.series.map((p) => p.proposed_nodes), steps: true }] : []),
    ],
    [a, edited],
  )
  const rows = figures(a.current, a.proposed)
  return (
    <>
      <p className={s.headline}>{edited ? told(a.current, a.proposed) : `It used ${count(Math.round(a.current.node_hours))} node-hours and refused ${a.current.refusals ? `${count(a.current.refusals)} clients` : 'nobody'}.`}</p>
      <dl className={s.outcomes} style={{ marginTop: 12 }}>
        {rows.map((f) => (
          <div key={f.label} title={f.help}>
            <dt>{f.label}</dt>
            <dd>
              {edited ? f.then : f.now}{' '}
              {edited && f.better !== 'same' ? (
                <small style={{ color: f.better === 'yes' ? 'var(--good)' : 'var(--bad)' }}>
                  {f.better === 'yes' ? 'better than' : 'worse than'} {f.now}
                </small>
              ) : null}
            </dd>
          </div>
        ))}
      </dl>
      <TimeChart at={at} curves={curves} height={210} unit={nodesUnit} label={`Nodes over the last days: ${edited ? told(a.current, a.proposed) : 'as it was'}`} />
      {a.notes.length ? (
        <ul className={s.reasons} aria-label="Notes on these numbers">
          {a.notes.map((n) => (
            <li key={n}>{initial(n)}</li>
          ))}
        </ul>
      ) : null}
      <p className="dim">
        From <Ago at={a.from} /> on; {percent(a.coverage)} of the time was recorded{a.coverage < 0.95 ? ', the gaps are left out' : ''}.
      </p>
    </>
  )
}

const nodesUnit = (v: number): string => (Number.isInteger(v) ? String(v) : v.toFixed(1))
