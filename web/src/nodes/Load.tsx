import type { Node } from '../api/types'
import { percent, rate } from '../format/format'
import s from './nodes.module.css'
import { Spark } from './Spark'

export const signalName = (s: string): string => (s === 'cpu' ? 'CPU' : s)

// Utilisation is the bar of a node with the signal that decided.
export function Utilisation({ node: n }: { node: Node }) {
  const u = n.utilization
  if (!u) return <span className="dim">no report yet</span>
  return (
    <div className={s.util} title={`send ${percent(u.send)}, receive ${percent(u.receive)}, CPU ${percent(u.cpu)}, buffer ${percent(u.buffer)}, sessions ${percent(u.sessions)}`}>
      <div className={s.track} role="meter" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(u.value * 100)} aria-label={`Utilisation of ${n.name}`}>
        <i style={{ width: `${Math.min(1, u.value) * 100}%`, background: `var(--pool-${n.pool ?? 'none'})` }} />
      </div>
      <span className={s.label}>
        {percent(u.value)} <span className="dim">{signalName(u.signal)}</span>
      </span>
    </div>
  )
}

// Sparks are both directions: what is kept of 15 minutes, and now.
export function Sparks({ node: n }: { node: Node }) {
  return (
    <div className={s.sparks}>
      <Spark values={[...(n.history?.receive_bps ?? []), n.receive_bps]} cap={n.receive_cap_bps} colour="var(--in)" label={`in, 15 minutes, now ${rate(n.receive_bps)}`} />
      <span className="num">in {rate(n.receive_bps)}</span>
      <Spark values={[...(n.history?.send_bps ?? []), n.send_bps]} cap={n.send_cap_bps} colour="var(--out)" label={`out, 15 minutes, now ${rate(n.send_bps)}`} />
      <span className="num">out {rate(n.send_bps)}</span>
    </div>
  )
}
