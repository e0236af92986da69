// Cron lines as schedules use them: five fields, minute to day of week. Enough to draw and edit them; the API has the
// last word on what is valid.

export interface Cron {
  minutes: ReadonlySet<number>
  hours: ReadonlySet<number>
  days: ReadonlySet<number> // of the month
  months: ReadonlySet<number>
  weekdays: ReadonlySet<number> // 0 is Sunday
  anyDay: boolean
  anyWeekday: boolean
}

const short: Record<string, string> = { '@hourly': '0 * * * *', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *', '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *' }
const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
export const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

// field reads one field's list of values, ranges and steps; undefined when it is none.
function field(text: string, from: number, to: number, names: string[] = []): Set<number> | undefined {
  const out = new Set<number>()
  const number = (s: string) => {
    const i = names.indexOf(s.toLowerCase())
    return i >= 0 ? i + from : /^\d+$/.test(s) ? Number(s) : NaN
  }
  for (const part of text.split(',')) {
    const m = /^(\*|\?|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d+))?$/i.exec(part)
    if (!m) return undefined
    const star = m[1] === '*' || m[1] === '?'
    const first = star ? from : number(m[1]!)
    const step = m[3] ? Number(m[3]) : 1
    const last = star ? to : m[2] ? number(m[2]) : m[3] ? to : first
    if (!(first >= from && last <= to && first <= last && step > 0)) return undefined
    for (let v = first; v <= last; v += step) out.add(v)
  }
  return out
}

export function parseCron(text: string): Cron | undefined {
  const line = text.trim()
  const parts = (short[line] ?? line).split(/\s+/)
  if (parts.length !== 5) return undefined
  const [mi, h, d, mo, w] = parts as [string, string, string, string, string]
  const minutes = field(mi, 0, 59)
  const hours = field(h, 0, 23)
  const days = field(d, 1, 31)
  const months = field(mo, 1, 12, monthNames)
  const weekdays = field(w, 0, 6, dayNames)
  if (!minutes || !hours || !days || !months || !weekdays) return undefined
  return { minutes, hours, days, months, weekdays, anyDay: /^[*?]/.test(d), anyWeekday: /^[*?]/.test(w) }
}

// onDay tells whether a cron comes on a day of a calendar. With both kinds of day restricted, either will do.
export function onDay(c: Cron, month: number, day: number, weekday: number): boolean {
  if (!c.months.has(month)) return false
  const byDay = c.days.has(day)
  const byWeekday = c.weekdays.has(weekday)
  return c.anyDay || c.anyWeekday ? byDay && byWeekday : byDay || byWeekday
}

export interface Weekly {
  days: number[] // 0 is Sunday
  hour: number
  minute: number
}

// weekly reads a cron that comes once on some days of every week, the form that the week's editor knows.
export function weekly(text: string): Weekly | undefined {
  const c = parseCron(text)
  if (!c || !c.anyDay || c.days.size < 31 || c.months.size < 12 || c.minutes.size !== 1 || c.hours.size !== 1) return undefined
  return { days: [...c.weekdays].sort(), hour: [...c.hours][0]!, minute: [...c.minutes][0]! }
}

// cronOf writes it back, days as ranges where they follow each other.
export function cronOf(w: Weekly): string {
  const days = [...new Set(w.days)].sort((a, b) => a - b)
  let list = '*'
  if (days.length < 7) {
    const runs: number[][] = []
    for (const d of days) {
      const run = runs.at(-1)
      if (run && run.at(-1) === d - 1) run.push(d)
      else runs.push([d])
    }
    list = runs.map((r) => (r.length > 2 ? `${r[0]}-${r.at(-1)}` : r.join(','))).join(',')
  }
  return `${w.minute} ${w.hour} * * ${list}`
}
