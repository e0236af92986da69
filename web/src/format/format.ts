// Numbers for people: rates in bits per second, sizes in bytes, both decimal; durations in words as short as clear.

const prefixes = ['', 'k', 'M', 'G', 'T', 'P']

// scaled gives three significant digits and the decimal prefix: [1.25, 'G'].
function scaled(n: number): [string, string] {
  let i = 0
  let v = Math.abs(n)
  while (v >= 999.5 && i < prefixes.length - 1) {
    v /= 1000
    i++
  }
  const digits = i === 0 ? 0 : v < 9.995 ? 2 : v < 99.95 ? 1 : 0
  return [(n < 0 ? '−' : '') + v.toFixed(digits), prefixes[i] ?? '']
}

export function rate(bps: number): string {
  const [n, p] = scaled(bps)
  return `${n} ${p}b/s`
}

export function size(bytes: number): string {
  const [n, p] = scaled(bytes)
  return `${n} ${p}B`
}

// tick is a rate for an axis: no needless digits.
export function tick(bps: number): string {
  if (bps === 0) return '0'
  const [n, p] = scaled(Math.abs(bps))
  return `${Number(n)} ${p}b/s`
}

export function count(n: number): string {
  return n.toLocaleString('en', { maximumFractionDigits: 0 }).replaceAll(',', ' ')
}

export function percent(share: number): string {
  const p = share * 100
  if (p > 0 && p < 0.95) return `${p.toFixed(1)} %`
  return `${Math.round(p)} %`
}

export function millis(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`
}

// span is a duration of s seconds in its two largest units: "2 h 5 min".
export function span(s: number): string {
  s = Math.max(0, Math.round(s))
  if (s < 60) return `${s} s`
  const m = Math.floor(s / 60)
  if (m < 10) return s % 60 ? `${m} min ${s % 60} s` : `${m} min`
  if (m < 60) return `${m} min`
  const h = Math.floor(m / 60)
  if (h < 24) return m % 60 ? `${h} h ${m % 60} min` : `${h} h`
  const d = Math.floor(h / 24)
  return h % 24 && d < 10 ? `${d} d ${h % 24} h` : `${d} d`
}

// ago is how long before now t was: "now", "12 s ago"; times ahead are "in 12 s".
export function ago(t: Date | string, now: number): string {
  const s = (now - new Date(t).getTime()) / 1000
  if (s < -1.5) return `in ${span(-s)}`
  if (s < 1.5) return 'now'
  return `${span(coarse(s))} ago`
}

// coarse keeps a relative time from ticking every second where nobody reads seconds.
function coarse(s: number): number {
  if (s < 60) return s
  return Math.floor(s / 60) * 60
}

const absoluteFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
const clockFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

export function absolute(t: Date | string): string {
  const d = new Date(t)
  return `${absoluteFormat.format(d)} · ${d.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

export function clock(t: Date | string): string {
  return clockFormat.format(new Date(t))
}

// plural is "1 node", "2 nodes".
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

// parseRate reads what a person types: "500M", "1.2 Gb/s", "250000". NaN when it is none; "" and "0" are 0.
export function parseRate(text: string): number {
  const m = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([kKmMgGtT]?)(?:i?b(?:it)?(?:\/s|ps)?)?\s*$/.exec(text)
  if (!m) return text.trim() === '' ? 0 : NaN
  const power = ['', 'k', 'm', 'g', 't'].indexOf((m[2] ?? '').toLowerCase())
  return Math.round(Number(m[1]) * 1000 ** power)
}

// initial is a sentence's first letter made large.
export const initial = (s: string): string => s.charAt(0).toUpperCase() + s.slice(1)
