import s from './nodes.module.css'

// sparkPath draws values left to right into w × h, newest at the right edge; missing history leaves the left empty.
export function sparkPath(values: number[], most: number, slots: number, w: number, h: number): string {
  const n = values.length
  if (n < 2 || most <= 0) return ''
  const dx = w / (slots - 1)
  return values
    .slice(-slots)
    .map((v, i, all) => `${i ? 'L' : 'M'}${(w - (all.length - 1 - i) * dx).toFixed(1)} ${(h - 1 - Math.min(1, v / most) * (h - 2)).toFixed(1)}`)
    .join('')
}

interface Props {
  values: number[]
  cap: number
  colour: string
  label: string
}

// Spark is 15 minutes of a rate before its cap. Its label says it in words.
export function Spark({ values, cap, colour, label }: Props) {
  const w = 84
  const h = 18
  const d = sparkPath(values, Math.max(cap, ...values), 60, w, h)
  return (
    <svg className={s.spark} width={w} height={h} role="img" aria-label={label}>
      <line x1="0" x2={w} y1={h - 0.5} y2={h - 0.5} stroke="var(--line-strong)" />
      {d ? <path d={d} fill="none" stroke={colour} strokeWidth="1.5" strokeLinejoin="round" /> : null}
    </svg>
  )
}
