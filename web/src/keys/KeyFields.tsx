import { Checkbox, TextInput } from '@mantine/core'
import s from '../ui/form.module.css'
import { permissions, permissionText, type Wish } from './wish'

interface Props {
  wish: Wish
  onWish: (w: Wish) => void
  wrong: Partial<Record<keyof Wish, string | undefined>>
}

// KeyFields are what can be changed of a tenant at any time.
export function KeyFields({ wish: w, onWish, wrong }: Props) {
  return (
    <>
      <TextInput
        label="Name"
        description="How transfers, reports and bills call this tenant."
        required
        maxLength={64}
        value={w.name}
        error={wrong.name}
        onChange={(e) => onWish({ ...w, name: e.currentTarget.value })}
      />
      <fieldset className={s.group}>
        <legend>May</legend>
        <div className={s.checks}>
          {permissions.map((p) => (
            <Checkbox
              key={p}
              label={
                <>
                  {p} <span className="dim">{permissionText[p]}</span>
                </>
              }
              checked={w.permissions.includes(p)}
              onChange={(e) => onWish({ ...w, permissions: e.currentTarget.checked ? permissions.filter((x) => x === p || w.permissions.includes(x)) : w.permissions.filter((x) => x !== p) })}
            />
          ))}
        </div>
        {wrong.permissions ? (
          <p role="alert" style={{ color: 'var(--bad)' }}>
            {wrong.permissions}
          </p>
        ) : null}
      </fieldset>
      <div className={s.pair}>
        <TextInput
          label="Rate at most"
          description="All its transfers together, such as 500M. Empty: no limit."
          value={w.rate}
          error={wrong.rate}
          onChange={(e) => onWish({ ...w, rate: e.currentTarget.value })}
        />
        <TextInput
          label="Sessions at most"
          description="Streams at one time. Empty: no limit."
          inputMode="numeric"
          value={w.sessions}
          error={wrong.sessions}
          onChange={(e) => onWish({ ...w, sessions: e.currentTarget.value })}
        />
      </div>
    </>
  )
}
