// Progress of a transfer in words and as a share.
import type { Transfer, TransferState } from '../api/types'
import { plural, size, span } from '../format/format'

export interface Progress {
  share: number | undefined // 0 to 1; undefined while the total is not known
  text: string
}

export const ended = (s: TransferState): boolean => s === 'done' || s === 'failed' || s === 'cancelled' || s === 'expired'

export function progress(t: Pick<Transfer, 'bytes' | 'total_bytes' | 'state' | 'eta_s' | 'files'>): Progress {
  const files = t.files ? ` · ${plural(t.files, 'file')}` : ''
  if (t.state === 'done') return { share: 1, text: `${size(t.bytes)}${files}` }
  if (!t.total_bytes) return { share: ended(t.state) ? 0 : undefined, text: `${size(t.bytes)}${files}` }
  const share = Math.min(1, t.bytes / t.total_bytes)
  const left = t.eta_s !== undefined && !ended(t.state) ? ` · ${t.eta_s > 0 ? `${span(t.eta_s)} left` : 'finishing'}` : ''
  return { share, text: `${size(t.bytes)} of ${size(t.total_bytes)}${left}` }
}

// average is a past transfer's rate in bits per second, 0 when it can't be told.
export function average(t: Pick<Transfer, 'bytes' | 'started_at' | 'ended_at'>): number {
  if (!t.started_at || !t.ended_at) return 0
  const s = (Date.parse(t.ended_at) - Date.parse(t.started_at)) / 1000
  return s > 0 ? (t.bytes * 8) / s : 0
}

// loss is given in words: small losses matter, so they keep their digits.
export function loss(share: number | undefined): string {
  if (share === undefined) return '–'
  const p = share * 100
  return p === 0 ? '0 %' : p < 0.01 ? '< 0.01 %' : `${p.toFixed(p < 1 ? 2 : 1)} %`
}
