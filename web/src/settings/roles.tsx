import type { Role } from '../account/may'
import s from '../ui/form.module.css'

export const roleText: Record<Role, string> = {
  viewer: 'sees everything but secrets and the audit, changes nothing',
  operator: 'also drains nodes, edits policies, steers transfers',
  admin: 'everything: clusters, templates, access keys, users, settings',
}

export const roles: Role[] = ['viewer', 'operator', 'admin']

export function RoleCards({ value, onChange, most = 'admin' }: { value: Role; onChange: (r: Role) => void; most?: Role }) {
  return (
    <fieldset className={s.group}>
      <legend>Role</legend>
      <div className={s.cards}>
        {roles.slice(0, roles.indexOf(most) + 1).map((r) => (
          <label key={r} className={s.card}>
            <input type="radio" name="role" value={r} checked={value === r} onChange={() => onChange(r)} />
            <b>{r}</b>
            <span>{roleText[r]}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
