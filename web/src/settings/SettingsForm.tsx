import { Button, NativeSelect, NumberInput, TextInput, Textarea } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { answer, isRefusal, Refusal, type Tagged } from '../api/refusal'
import type { Settings } from '../api/types'
import { patch } from '../policy/draft'
import { Diff } from '../ui/Diff'
import form from '../ui/form.module.css'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'

// What can be set, apart from what only is.
const settable = (v: Settings) => ({
  public_url: v.public_url, session_hours: v.session_hours, password_min: v.password_min, local_sign_in: v.local_sign_in, egress_allow: v.egress_allow, retention: v.retention,
})
type Draft = ReturnType<typeof settable>

// SettingsForm edits the version that it was opened on; what somebody else stored meanwhile is shown, not overwritten.
export function SettingsForm({ stored, readOnly }: { stored: Tagged<Settings>; readOnly: boolean }) {
  const [base, setBase] = useState(stored)
  const [draft, setDraft] = useState<Draft>(settable(stored.data))
  const queries = useQueryClient()
  const body = patch(settable(base.data), draft)
  const edited = Object.keys(body).length > 0
  const stale = stored.etag !== base.etag
  const take = () => {
    setBase(stored)
    setDraft(settable(stored.data))
  }
  useEffect(() => {
    if (stale && !edited) {
      setBase(stored)
      setDraft(settable(stored.data))
    }
  }, [stale, edited, stored])
  const save = useMutation({
    mutationFn: () => answer(client.PATCH('/api/v1/settings', { params: { header: { 'If-Match': base.etag } }, body: { ...body, ...(body.egress_allow ? { egress_allow: draft.egress_allow.filter(Boolean) } : {}) } })),
    onSuccess: async (v) => {
      setBase({ ...base, data: v })
      setDraft(settable(v))
      await queries.invalidateQueries({ queryKey: ['settings'] })
    },
    onError: (e) => (isRefusal(e, 412) ? queries.invalidateQueries({ queryKey: ['settings'] }) : undefined),
  })
  const fault = (name: string) => (save.error instanceof Refusal ? save.error.field(name) : undefined)
  const set = <K extends keyof Draft>(k: K, v: Draft[K]) => {
    save.reset()
    setDraft({ ...draft, [k]: v })
  }
  const number = (k: 'session_hours' | 'password_min') => ({ value: draft[k], error: fault(k), disabled: readOnly, onChange: (v: string | number) => set(k, Number(v)) })
  const days = (k: keyof Draft['retention']) => ({
    value: draft.retention[k], error: fault(`retention.${k}`), disabled: readOnly, min: 1, suffix: ' days', onChange: (v: string | number) => set('retention', { ...draft.retention, [k]: parseInt(String(v), 10) || 0 }),
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (edited) save.mutate()
  }
  return (
    <Panel title="What can be set">
      <form onSubmit={submit} className={form.form}>
        {stale && edited ? (
          <div className={ui.notice} role="alert">
            <strong>Somebody else changed the settings while you were editing</strong>
            <Diff before={settable(base.data)} after={settable(stored.data)} />
            <div className="row">
              <Button size="xs" onClick={() => setBase(stored)}>
                Keep mine on top
              </Button>
              <Button size="xs" variant="default" onClick={take}>
                Take theirs
              </Button>
            </div>
          </div>
        ) : null}
        <TextInput label="Address" description="Where people, nodes and sign-in providers reach this manager: https://host:port." disabled={readOnly} value={draft.public_url} error={fault('public_url')} onChange={(e) => set('public_url', e.currentTarget.value)} />
        <div className={form.pair}>
          <NumberInput label="A session lasts, in hours" description="Without use." min={1} max={720} {...number('session_hours')} />
          <NumberInput label="Passwords have at least, in characters" description="New ones; those that exist stay." min={10} max={128} {...number('password_min')} />
        </div>
        <NativeSelect
          label="With a password kept here may sign in"
          description="Administrators always may, so that a provider that is down locks nobody out."
          disabled={readOnly}
          data={[{ value: 'everyone', label: 'everyone who has one' }, { value: 'administrators', label: 'administrators only; the others by a sign-in provider' }]}
          value={draft.local_sign_in}
          onChange={(e) => set('local_sign_in', e.currentTarget.value as Draft['local_sign_in'])}
        />
        <Textarea
          label="Private addresses that may be called"
          description="Webhooks, mail and sign-in providers reach public addresses. List here, one a line, what else they may: 10.0.0.0/8, mail.internal."
          autosize
          minRows={2}
          disabled={readOnly}
          value={draft.egress_allow.join('\n')}
          error={fault('egress_allow')}
          onChange={(e) => set('egress_allow', e.currentTarget.value.split('\n').map((x) => x.trim()).filter((x, i, all) => x || i === all.length - 1))}
        />
        <fieldset className={form.group}>
          <legend>Kept for</legend>
          <div className={form.cards}>
            <NumberInput label="Transfers" {...days('history_days')} />
            <NumberInput label="Decisions" {...days('decisions_days')} />
            <NumberInput label="Audit" {...days('audit_days')} />
          </div>
        </fieldset>
        <Trouble error={isRefusal(save.error, 412) ? null : save.error} what="The settings were not changed" />
        {readOnly ? (
          <p className="dim">Administrators may change these.</p>
        ) : (
          <div className="row">
            <Button type="submit" loading={save.isPending} disabled={!edited || stale}>
              Change the settings
            </Button>
            {edited ? (
              <Button variant="default" onClick={take}>
                Undo
              </Button>
            ) : save.isSuccess ? (
              <span className={form.done} role="status">
                Changed.
              </span>
            ) : null}
          </div>
        )}
      </form>
    </Panel>
  )
}
