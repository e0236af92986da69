// A value as YAML, for reading and for apply -f. Strings that YAML could take for something else are quoted as JSON,
// which YAML understands.

const plain = /^[A-Za-z_/.][\w/. @+-]*$/
const words = /^(true|false|null|yes|no|on|off|y|n|~|\.inf|\.nan)$/i

const scalar = (v: unknown): string => (typeof v === 'string' ? (plain.test(v) && !words.test(v) && !v.endsWith(' ') && !v.includes(' #') ? v : JSON.stringify(v)) : JSON.stringify(v ?? null))

const isMap = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

export function yaml(v: unknown, indent = ''): string {
  if (Array.isArray(v)) {
    if (!v.length) return `${indent}[]\n`
    return v.map((x) => (isMap(x) && Object.keys(x).length ? `${indent}- ${yaml(x, `${indent}  `).slice(indent.length + 2)}` : `${indent}- ${scalar(x)}\n`)).join('')
  }
  if (!isMap(v)) return `${indent}${scalar(v)}\n`
  const keys = Object.keys(v)
  if (!keys.length) return `${indent}{}\n`
  return keys
    .map((k) => {
      const x = v[k]
      const name = scalar(k)
      if (isMap(x) && Object.keys(x).length) return `${indent}${name}:\n${yaml(x, `${indent}  `)}`
      if (Array.isArray(x) && x.length) return `${indent}${name}:\n${yaml(x, `${indent}  `)}`
      return `${indent}${name}: ${isMap(x) ? '{}' : Array.isArray(x) ? '[]' : scalar(x)}\n`
    })
    .join('')
}
