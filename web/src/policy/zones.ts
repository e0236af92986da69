// Wall clocks of time zones, by the browser's own tables.

interface Wall {
  year: number
  month: number // 1–12
  day: number
  hour: number
  minute: number
  second: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string): Intl.DateTimeFormat {
  let f = formats.get(zone)
  if (!f) {
    f = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
    formats.set(zone, f)
  }
  return f
}

export function knownZone(zone: string): boolean {
  try {
    format(zone || 'UTC')
    return true
  } catch {
    return false
  }
}

export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

// wall is what a clock on the wall in a zone shows at an instant (milliseconds).
export function wall(zone: string, at: number): Wall {
  const v: Record<string, number> = {}
  for (const p of format(zone || 'UTC').formatToParts(at)) v[p.type] = Number(p.value)
  return { year: v.year!, month: v.month!, day: v.day!, hour: v.hour!, minute: v.minute!, second: v.second! }
}

const asUTC = (w: Wall) => Date.UTC(w.year, w.month - 1, w.day, w.hour, w.minute, w.second)

// instant is when a zone's clock shows a time. An hour that a clock change skips is moved behind the gap; of one that
// comes twice it is the first.
export function instant(zone: string, year: number, month: number, day: number, hour = 0, minute = 0): number {
  const wanted = Date.UTC(year, month - 1, day, hour, minute)
  const offset = (at: number) => asUTC(wall(zone, at)) - Math.floor(at / 1000) * 1000
  const before = wanted - offset(wanted - 86_400_000)
  const after = wanted - offset(wanted + 86_400_000)
  for (const at of [Math.min(before, after), Math.max(before, after)]) {
    if (asUTC(wall(zone, at)) === wanted) return at
  }
  return Math.max(before, after)
}
