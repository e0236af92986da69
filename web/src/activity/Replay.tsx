import { Button, NativeSelect } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { client } from '../api/client'
import { answer, Refusal } from '../api/refusal'
import type { DecisionDetail, Replay as Answer } from '../api/types'
import { initial } from '../format/format'
import { FieldInput } from '../policy/FieldInput'
import { sections } from '../policy/fields'
import { patch, valueAt, withValue, type Doc } from '../policy/draft'
import { useNames } from '../nodes/names'
import form from '../ui/form.module.css'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import s from './activity.module.css'
import { verb } from './fold'

const fields = sections.flatMap((x) => x.fields)

// Replay decides again, from the same snapshot: with the same policy the answer is the same, to the bit; with another one it
// shows what that policy would have done.
export function Replay({ decision: d }: { decision: DecisionDetail }) {
  const { data: stored } = useQuery({
    queryKey: ['policy-version', d.cluster.id, d.policy_version],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/clusters/{cluster}/policy/versions/{version}', { params: { path: { cluster: d.cluster.id, version: d.policy_version } }, signal })),
    retry: false,
  })
  const base = stored?.policy as Doc | undefined
  const [draft, setDraft] = useState<Doc>()
  const [edited, setEdited] = useState<string[]>([])
  const change = base && draft ? patch(base, draft) : {}
  const other = Object.keys(change).length > 0
  const run = useMutation({
    mutationFn: (policy: Doc) =>
      answer(client.POST('/api/v1/decisions/{decision}/replay', { params: { path: { decision: d.id } }, body: Object.keys(policy).length ? { policy: policy as never } : {} })),
  })
  const refused = run.error instanceof Refusal ? run.error : undefined
  return (
    <Panel title="Replay">
      <div className={form.fields}>
        <p className="dim">Decides again from the same snapshot. Nothing is changed by it.</p>
        {base
          ? edited.map((path) => {
              const f = fields.find((x) => x.path === path)!
              return (
                <FieldInput
                  key={path}
                  field={f}
                  value={valueAt(draft ?? base, path)}
                  changed={valueAt(draft ?? base, path) !== valueAt(base, path)}
                 
                  error={refused?.field(`policy.${path}`)}
                  onChange={(v) => setDraft(withValue(draft ?? base, path, v))}
                />
              )
            })
          : null}
        {base ? (
          <NativeSelect
            size="xs"
            label="With another value of"
            value=""
            data={[{ value: '', label: 'choose a field of the policy' }, ...fields.filter((f) => !edited.includes(f.path)).map((f) => ({ value: f.path, label: f.label }))]}
            onChange={(e) => e.currentTarget.value && setEdited([...edited, e.currentTarget.value])}
          />
        ) : null}
        <div className="row">
          <Button size="xs" loading={run.isPending} onClick={() => run.mutate(change)}>
            {other ? 'Replay with these values' : 'Replay as it was'}
          </Button>
        </div>
        <Trouble error={run.error} what="It was not replayed" />
        {run.data ? <Outcome answer={run.data} was={verb(d)} /> : null}
      </div>
    </Panel>
  )
}

function Outcome({ answer: a, was }: { answer: Answer; was: string }) {
  const name = useNames()
  return (
    <div role="status" data-testid="replay" className={s.outcome} data-same={a.identical ? 'yes' : 'no'}>
      <strong>{a.identical ? `Identical: ${was}.` : initial(name(a.text))}</strong>
      {a.differences.length ? (
        <ul>
          {a.differences.map((x, i) => (
            <li key={i}>{name(x)}</li>
          ))}
        </ul>
      ) : null}
    </div>
  )
}
