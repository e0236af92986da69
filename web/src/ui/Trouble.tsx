import { Refusal } from '../api/refusal'
import { Copy } from './Copy'
import s from './ui.module.css'

// Trouble says what failed and what to do. It greys once things work again.
export function Trouble({ error, what, healed }: { error: unknown; what: string; healed?: boolean }) {
  if (!error) return null
  const r = error instanceof Refusal ? error : undefined
  const text = r?.message ?? (error instanceof Error ? error.message : String(error))
  return (
    <div className={`${s.problem} ${healed ? s.healed : ''}`} role="alert">
      <strong>{what}</strong>
      <span>{text}</span>
      {r && r.fields.length > 1 ? (
        <ul style={{ margin: 0, paddingLeft: 18 }}>
          {r.fields.map((f) => (
            <li key={f.location + f.message}>
              <code>{f.location.replace(/^body\./, '')}</code>: {f.message}
            </li>
          ))}
        </ul>
      ) : null}
      {r?.requestId ? (
        <small className="row">
          Request <code>{r.requestId}</code> <Copy text={r.requestId} what="request id" /> finds it in the manager’s log.
        </small>
      ) : null}
    </div>
  )
}
