import type { useCheck } from './check'
import { Trouble } from '../ui/Trouble'
import s from './templates.module.css'

// Verdict is what the provider says of a template while it is typed.
// broken says why it cannot be read, and so not be asked about.
export function Verdict({ check, broken }: { check: ReturnType<typeof useCheck>; broken: string | undefined }) {
  if (broken) {
    return (
      <div role="status">
        <p className={s.verdict} data-good="no">
          ✗ It cannot be read:
        </p>
        <p>{broken}</p>
      </div>
    )
  }
  if (check.error) return <Trouble error={check.error} what="It cannot be checked now" />
  const v = check.data
  if (!v) return <p className="dim">Asking…</p>
  if (v.valid) {
    return (
      <p className={s.verdict} data-good="yes" role="status">
        ✓ The provider would take it.
      </p>
    )
  }
  return (
    <div role="status">
      <p className={s.verdict} data-good="no">
        ✗ It would be refused:
      </p>
      <ul style={{ margin: '6px 0 0', paddingLeft: 18 }}>
        {v.errors.map((f) => (
          <li key={f.location + f.message}>
            <code>{f.location || 'it'}</code> {f.message}
          </li>
        ))}
      </ul>
    </div>
  )
}
