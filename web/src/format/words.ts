// What the API's fields are called and how their values read: "max_rate_bps: 500000000" is "max rate: 500 Mb/s".
import { absolute, count, rate, size, span } from './format'

const units: [RegExp, (n: number) => string][] = [
  [/_bps$/, rate],
  [/_mbps$/, (n) => rate(n * 1e6)],
  [/_bytes$/, size],
  [/_hours$/, (n) => span(n * 3600)],
  [/_ms$/, (n) => `${n} ms`],
  [/_s$/, span],
]
const whole: Record<string, string> = {
  id: 'id', ca_sha256: 'fingerprint', min_available: 'available at least', min_idle: 'idle at least', max_nodes: 'nodes at most', max_rate: 'rate at most',
  max_sessions: 'sessions at most',
}

// fieldName is a field's path in words: "limits.max_rate_bps" is "limits · rate at most".
export function fieldName(path: string): string {
  return path
    .split('.')
    .map((p) => {
      const bare = p.replace(/_(bps|mbps|bytes|hours|ms|s|at|sha256)$/, '')
      return whole[p] ?? whole[bare] ?? bare.replaceAll('_', ' ')
    })
    .join(' · ')
}

// fieldValue is a field's value as a person writes it.
export function fieldValue(path: string, v: unknown): string {
  if (v === null || v === undefined || v === '') return 'none'
  if (typeof v === 'boolean') return v ? 'yes' : 'no'
  const last = path.split('.').at(-1) ?? ''
  if (typeof v === 'number') {
    const unit = units.find(([end]) => end.test(last))
    if (unit) return unit[1](v)
    if (/threshold$|^cap$/.test(last) && v >= 0 && v <= 1) return `${Math.round(v * 1000) / 10} %`
    return Number.isInteger(v) ? count(v) : String(Number(v.toPrecision(6)))
  }
  if (typeof v === 'string') return /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(v) ? absolute(v) : v
  if (Array.isArray(v)) return v.length ? v.map((x) => fieldValue(path, x)).join(', ') : 'none'
  return Object.entries(v as object)
    .map(([k, x]) => `${fieldName(k)} ${fieldValue(k, x)}`)
    .join(', ')
}
