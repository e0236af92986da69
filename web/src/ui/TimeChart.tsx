import { useElementSize, useMediaQuery } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface Curve {
  label: string
  colour: string // a token: --accent
  values: (number | null)[]
  fill?: boolean
  dash?: number[]
  steps?: boolean
}

interface Props {
  at: number[] // seconds
  curves: Curve[]
  height?: number
  unit: (v: number) => string
  label: string // for who cannot see it
}

// TimeChart draws a few curves over hours or days, with a legend that reads the value under the pointer.
export function TimeChart({ at, curves, height = 200, unit, label }: Props) {
  const { ref, width } = useElementSize<HTMLElement>()
  const holder = useRef<HTMLDivElement>(null)
  const dark = useMediaQuery('(prefers-color-scheme: dark)')
  useEffect(() => {
    if (!holder.current || width < 100) return
    const css = getComputedStyle(document.documentElement)
    const colour = (name: string) => css.getPropertyValue(name).trim()
    const stepped = uPlot.paths.stepped?.({ align: 1 })
    const long = (at.at(-1) ?? 0) - (at[0] ?? 0) > 36 * 3600
    const mark = new Intl.DateTimeFormat('en-GB', long ? { weekday: 'short', hour: '2-digit', minute: '2-digit' } : { hour: '2-digit', minute: '2-digit' })
    const axis = { stroke: colour('--ink-3'), ticks: { show: false }, font: '11px sans-serif' }
    const u = new uPlot(
      {
        width,
        height,
        padding: [10, 12, 0, 0],
        cursor: { y: false, drag: { x: false, y: false } },
        legend: { live: true },
        scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.08)] } },
        axes: [
          { ...axis, grid: { show: false }, space: 90, values: (_u, v) => v.map((x) => mark.format(new Date(x * 1000))) },
          { ...axis, size: 52, grid: { stroke: colour('--line'), width: 1 }, values: (_u, v) => v.map(unit) },
        ],
        series: [
          { label: 'at', value: (_u, v) => (v === null ? '–' : new Intl.DateTimeFormat('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit' }).format(new Date(v * 1000))) },
          ...curves.map((c) => ({
            label: c.label,
            stroke: colour(c.colour),
            width: 1.8,
            points: { show: false },
            value: (_u: uPlot, v: number | null) => (v === null || v === undefined ? '–' : unit(v)),
            ...(c.fill && { fill: `${colour(c.colour)}22` }),
            ...(c.dash && { dash: c.dash }),
            ...(c.steps && stepped && { paths: stepped }),
          })),
        ],
      },
      [at, ...curves.map((c) => c.values)] as uPlot.AlignedData,
      holder.current,
    )
    return () => u.destroy()
  }, [at, curves, width, height, dark, unit])
  return (
    <figure ref={ref} aria-label={label} style={{ margin: 0, minHeight: height + 30, position: 'relative' }}>
      <div ref={holder} aria-hidden="true" />
      <Numbers at={at} curves={curves} unit={unit} label={label} />
    </figure>
  )
}

const most = 48

// Numbers is the chart for who cannot see it: the same curves as a table, thinned to what one can listen to. The last
// value is always among them.
function Numbers({ at, curves, unit, label }: Pick<Props, 'at' | 'curves' | 'unit' | 'label'>) {
  const step = Math.max(1, Math.ceil(at.length / most))
  const rows = at.map((_, i) => i).filter((i) => (at.length - 1 - i) % step === 0)
  const when = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
  return (
    <div className="hidden">
      <table>
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">At</th>
            {curves.map((c) => (
              <th key={c.label} scope="col">
                {c.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((i) => (
            <tr key={i}>
              <th scope="row">{when.format(new Date((at[i] ?? 0) * 1000))}</th>
              {curves.map((c) => {
                const v = c.values[i]
                return <td key={c.label}>{v === null || v === undefined ? 'nothing known' : unit(v)}</td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
