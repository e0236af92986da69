import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import { initial, plural } from '../format/format'
import { Glyph } from '../nodes/state'
import type { NodeState } from '../api/types'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import type { Spec } from './spec'
import s from './templates.module.css'

export const effects = {
  live: ['live', 'Changed on running nodes, without a restart.'],
  new_nodes: ['new nodes', 'Matters at launch only: running nodes are right as they are.'],
  replace: ['replaces', 'A running node keeps what it has until another takes its place.'],
} as const

const most = 12

// useDiff asks what a specification would mean for the nodes that run.
export function useDiff(template: string, spec: Spec | undefined) {
  const [asked] = useDebouncedValue(JSON.stringify(spec ?? null), 350)
  return useQuery({
    queryKey: ['template-diff', template, asked],
    queryFn: ({ signal }) => {
      const wanted = JSON.parse(asked) as Spec | null
      return answer(client.POST('/api/v1/templates/{template}/diff', { params: { path: { template } }, body: wanted ? { spec: wanted } : {}, signal }))
    },
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
    retry: false,
  })
}

// Drift says which running nodes differ from a specification, and what becomes of them.
export function Drift({ template, spec, edited }: { template: string; spec: Spec; edited: boolean }) {
  const { data: d, error } = useDiff(template, edited ? spec : undefined)
  const differing = d?.nodes.filter((n) => n.drift.length > 0) ?? []
  return (
    <Panel title={edited ? 'What your changes would do to running nodes' : 'Running nodes'}>
      <Trouble error={error} what="It cannot be compared with the nodes" healed={!!d} />
      {d ? (
        <div style={{ display: 'grid', gap: 10 }} aria-live="polite">
          <p className={s.sentence}>{initial(d.text)}</p>
          {d.changes.length ? (
            <ul className={s.drift}>
              {d.changes.map((c) => (
                <li key={c.field}>
                  <code>{c.field}</code>
                  <span className={s.effect} data-effect={c.effect} title={effects[c.effect][1]}>
                    {effects[c.effect][0]}
                  </span>
                </li>
              ))}
            </ul>
          ) : null}
          {differing.length ? (
            <details open={differing.length <= most}>
              <summary>{plural(differing.length, 'node')} of {d.total} differ</summary>
              <ul className={s.drift} style={{ marginTop: 8 }}>
                {differing.slice(0, 50).map((n) => (
                  <li key={n.id}>
                    <span>
                      <Glyph state={n.state as NodeState} />{' '}
                      <Link to="/nodes/$id" params={{ id: n.id }}>
                        {n.name}
                      </Link>{' '}
                      <span className="dim">version {n.template_version || 'unknown'}</span>
                    </span>
                    <code>{n.drift.join(', ')}</code>
                  </li>
                ))}
              </ul>
            </details>
          ) : null}
          {d.versions.length > 1 ? (
            <p className="dim">
              {d.versions.map((v) => `${plural(v.nodes, 'node')} on ${v.version ? `version ${v.version}` : 'an unknown version'}`).join(', ')}.
            </p>
          ) : null}
        </div>
      ) : null}
    </Panel>
  )
}
