import { Button, Checkbox, NativeSelect, PasswordInput, Textarea, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Refusal } from '../api/refusal'
import type { Role } from '../account/may'
import form from '../ui/form.module.css'
import { fieldsOf, type Draft, type Field } from './provider'
import { roles } from './roles'
import s from './settings.module.css'

interface Props {
  draft: Draft
  onChange: (d: Draft) => void
  refused: Refusal | undefined
  hasSecret?: boolean
  children?: ReactNode // between the fields of the provider and who comes in
}

// ProviderForm holds what a provider of either kind is told by; the pages around it make and change one.
export function ProviderForm({ draft, onChange, refused, hasSecret = false, children }: Props) {
  const set = (change: Partial<Draft>) => onChange({ ...draft, ...change })
  const one = (f: Field) => {
    const common = {
      label: f.label,
      description: f.about,
      placeholder: f.holder ?? '',
      required: !!f.required,
      autoComplete: 'off',
      spellCheck: false,
      value: draft.config[f.key] ?? '',
      error: refused?.field(`${draft.kind}.${f.key}`) ?? refused?.field(f.key),
      onChange: (e: { currentTarget: { value: string } }) => set({ config: { ...draft.config, [f.key]: e.currentTarget.value } }),
    }
    return f.long ? <Textarea key={f.key} autosize minRows={2} maxRows={10} classNames={{ input: s.mono ?? '' }} {...common} /> : <TextInput key={f.key} {...common} />
  }
  const fields = fieldsOf[draft.kind]
  const pairs = fields.filter((f) => f.pair)
  const at = fields.findIndex((f) => f.pair)
  const single = fields.filter((f) => !f.pair)
  const split = at < 0 ? single.length : fields.slice(0, at).length
  const oidc = draft.kind === 'oidc'
  return (
    <>
      <TextInput
        label="What the sign-in page calls it"
        description={draft.name.trim() ? `Empty: ${draft.name.trim()}.` : 'Empty: its name.'}
        maxLength={64}
        value={draft.title}
        error={refused?.field('title')}
        onChange={(e) => set({ title: e.currentTarget.value })}
      />
      {single.slice(0, split).map(one)}
      <div className={form.pair}>{pairs.slice(0, 2).map(one)}</div>
      {single.slice(split, -1).map(one)}
      {pairs.length > 2 ? <div className={form.pair}>{pairs.slice(2).map(one)}</div> : null}
      <PasswordInput
        label={oidc ? 'Secret of the client' : 'Password of the user that searches'}
        description={hasSecret ? 'One is stored, and never shown again. Empty keeps it.' : `Stored sealed, and never shown again. ${oidc ? 'Empty for a public client: PKCE is always used.' : 'Empty when nobody in particular searches.'}`}
        autoComplete="new-password"
        disabled={draft.forget}
        value={draft.secret}
        error={refused?.field('secret')}
        onChange={(e) => set({ secret: e.currentTarget.value })}
      />
      {hasSecret ? <Checkbox label="Forget the stored secret" checked={draft.forget} onChange={(e) => set({ forget: e.currentTarget.checked, secret: '' })} /> : null}
      {single.slice(-1).map(one)}
      {children}
      <fieldset className={form.group}>
        <legend>Who comes in, and as what</legend>
        <p className="dim">The groups say the role at every sign-in; of several the greatest counts.</p>
        {draft.roles.map((r, i) => (
          <div key={i} className={s.rule}>
            <TextInput
              aria-label={`Group ${i + 1}`}
              placeholder={oidc ? 'godwit-operators' : 'operators'}
              value={r.group}
              error={refused?.field(`roles[${i}].group`)}
              onChange={(e) => set({ roles: draft.roles.map((x, j) => (j === i ? { ...x, group: e.currentTarget.value } : x)) })}
            />
            <NativeSelect
              aria-label={`Role of group ${i + 1}`}
              data={roles}
              value={r.role}
              onChange={(e) => set({ roles: draft.roles.map((x, j) => (j === i ? { ...x, role: e.currentTarget.value as Role } : x)) })}
            />
            <Button variant="default" aria-label={`Leave out group ${i + 1}`} onClick={() => set({ roles: draft.roles.filter((_, j) => j !== i) })}>
              Leave out
            </Button>
          </div>
        ))}
        <div className="row">
          <Button size="xs" variant="default" onClick={() => set({ roles: [...draft.roles, { group: '', role: 'viewer' }] })}>
            Another group
          </Button>
        </div>
        <NativeSelect
          label="Everybody else whom the provider knows"
          description={draft.default_role ? `Anybody with an account there comes in as ${draft.default_role}.` : 'Without one of the groups above nobody comes in.'}
          data={[{ value: '', label: 'is not let in' }, ...roles.map((r) => ({ value: r, label: `comes in as ${r}` }))]}
          value={draft.default_role}
          error={refused?.field('default_role') ?? refused?.field('roles')}
          onChange={(e) => set({ default_role: e.currentTarget.value as Draft['default_role'] })}
        />
      </fieldset>
    </>
  )
}
