// Views have plain URLs: every search parameter is one string, lists are comma-separated.
export type Search = Record<string, string>

export function parseSearch(text: string): Search {
  return Object.fromEntries(new URLSearchParams(text))
}

export function stringifySearch(search: Record<string, unknown>): string {
  const p = new URLSearchParams()
  for (const [k, v] of Object.entries(search)) {
    if (typeof v === 'string' && v !== '') p.set(k, v)
  }
  const s = p.toString().replaceAll('%2C', ',')
  return s ? `?${s}` : ''
}

// only keeps the parameters that a view knows.
export function only<K extends string>(...keys: K[]): (s: Record<string, unknown>) => Partial<Record<K, string>> {
  return (s) => {
    const out: Partial<Record<K, string>> = {}
    for (const k of keys) {
      const v = s[k]
      if (typeof v === 'string' && v !== '') out[k] = v
    }
    return out
  }
}

// toggled adds a value to a comma-separated list, or takes it out.
export function toggled(list: string | undefined, value: string): string | undefined {
  const all = list ? list.split(',') : []
  const next = all.includes(value) ? all.filter((v) => v !== value) : [...all, value]
  return next.length ? next.join(',') : undefined
}

// safeReturn is where to go after signing in: a path of this console, never another site.
export function safeReturn(from: string | undefined): string {
  return from && /^\/(?![/\\])/.test(from) && !from.startsWith('/sign-in') && !from.startsWith('/setup') ? from : '/'
}
