import { useElementSize, useMediaQuery } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { windowMs } from '../api/merge'
import type { Marker, Series } from '../api/types'
import { clock, rate, tick } from '../format/format'
import { keep } from '../shell/cluster'
import { columns, groupMarkers, perMinute, reach, stretch, symbol, type Columns } from './throughput'
import s from './overview.module.css'

interface Props {
  series: Series
  markers: Marker[]
  cluster?: string | undefined
  height?: number
}

const axis = 70
const pad = 14
const foot = 26

function data(c: Columns): uPlot.AlignedData {
  const [a, b, d, e] = c.up
  const [f, g, h, i] = c.down
  return [c.at, e, d, b, a, i, h, g, f, c.in, c.out]
}

// ThroughputChart is the cluster's last 15 minutes. Its plot is made anew only for another size or colour scheme.
export function ThroughputChart({ series, markers, cluster, height = 300 }: Props) {
  const { ref, width } = useElementSize<HTMLDivElement>()
  const holder = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const [at, setAt] = useState<number | null>(null)
  const dark = useMediaQuery('(prefers-color-scheme: dark)')
  const cols = useMemo(() => columns(series), [series])
  const latest = useRef(cols)
  latest.current = cols
  const [from, to] = stretch(cols.at, Date.now() / 1000, windowMs / 1000)
  const range = useRef({ from, to })
  range.current = { from, to }

  useEffect(() => {
    if (!holder.current || width < 100) return
    const css = getComputedStyle(document.documentElement)
    const colour = (name: string) => css.getPropertyValue(name).trim()
    const steps = uPlot.paths.stepped?.({ align: 1 })
    const layer = (pool: string): uPlot.Series => ({ fill: colour(`--pool-${pool}-soft`), stroke: colour(`--pool-${pool}`), width: 1, points: { show: false }, ...(steps && { paths: steps }) })
    const line = (name: string, dash?: number[]): uPlot.Series => ({ stroke: colour(name), width: 2, points: { show: false }, ...(dash && { dash }), fill: colour(name) + '26' })
    const u = new uPlot(
      {
        width,
        height,
        padding: [12, pad, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
        hooks: { setCursor: [(p) => setAt(p.cursor.idx ?? null)] },
        scales: { x: { time: true, range: () => [range.current.from, range.current.to] }, y: { range: () => reach(latest.current) } },
        axes: [
          { size: foot, stroke: colour('--ink-3'), grid: { show: false }, ticks: { show: false }, values: (_, v) => v.map((x) => (x % 60 ? clock(new Date(x * 1000)) : clock(new Date(x * 1000)).slice(0, 5))), space: 80, font: '11px sans-serif' },
          { size: axis, stroke: colour('--ink-3'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, values: (_, v) => v.map((x) => tick(x)), font: '11px sans-serif', space: 34 },
        ],
        series: [
          {},
          layer('degraded'), layer('idle'), layer('low'), layer('high'),
          layer('degraded'), layer('idle'), layer('low'), layer('high'),
          line('--in'), line('--out'),
        ],
      },
      data(latest.current),
      holder.current,
    )
    plot.current = u
    return () => {
      u.destroy()
      plot.current = null
    }
  }, [width, height, dark])

  useEffect(() => {
    plot.current?.setData(data(cols))
  }, [cols])

  const n = series.at.length
  const i = at !== null && at < n ? at : n - 1
  return (
    <div className={s.chart}>
      <Readout series={series} index={i} hovering={at !== null && at < n} />
      <div ref={ref} className={s.plot} style={{ height }}>
        <div ref={holder} aria-hidden="true" />
        <span className={s.side} style={{ top: 14 }}>in ↑</span>
        <span className={s.side} style={{ bottom: foot + 4 }}>out ↓</span>
        <div className={s.markers} style={{ left: axis, right: pad, bottom: foot }}>
          {groupMarkers(markers, from, to, width ? 22 / width : 0.02).map((g) => (
            <Decisions key={g.markers.at(-1)!.decision_id} group={g} cluster={cluster} />
          ))}
        </div>
      </div>
      <div className="hidden">
        <table>
          <caption>Throughput and capacity of the last 15 minutes, by minute</caption>
          <thead>
            <tr>
              <th>Time</th><th>In</th><th>Out</th><th>Capacity in</th><th>Capacity out</th><th>Running nodes</th>
            </tr>
          </thead>
          <tbody>
            {perMinute(series).map((r) => (
              <tr key={r.at}>
                <td>{clock(r.at)}</td><td>{rate(r.in)}</td><td>{rate(r.out)}</td><td>{rate(r.capIn)}</td><td>{rate(r.capOut)}</td><td>{r.nodes}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}

function Readout({ series: x, index: i, hovering }: { series: Series; index: number; hovering: boolean }) {
  const v = (list: number[]) => rate(list[i] ?? 0)
  const of = (cap: number[]) => (cap[i] ? ` of ${v(cap)}` : '') // nodes without a cap have no capacity to compare with
  return (
    <div className={s.readout}>
      <span className={s.when}>{hovering && x.at[i] ? clock(x.at[i]) : 'now'}</span>
      <span className={s.figure}>
        <i style={{ background: 'var(--in)' }} /> in <b>{v(x.receive_bps)}</b> <span className="dim">{of(x.receive_cap_bps)}</span>
      </span>
      <span className={s.figure}>
        <i style={{ background: 'var(--out)' }} /> out <b>{v(x.send_bps)}</b> <span className="dim">{of(x.send_cap_bps)}</span>
      </span>
      <span className={s.figure}>
        <b>{x.sessions[i] ?? 0}</b> {x.sessions[i] === 1 ? 'session' : 'sessions'}
      </span>
      <span className={s.figure}>
        <b>{x.nodes[i] ?? 0}</b> {x.nodes[i] === 1 ? 'node' : 'nodes'}
      </span>
      <span className={s.shades} aria-hidden="true">
        capacity:
        {['high', 'low', 'idle', 'degraded'].map((p) => (
          <span key={p}>
            <i style={{ background: `var(--pool-${p}-soft)`, borderColor: `var(--pool-${p})` }} /> {p}
          </span>
        ))}
      </span>
    </div>
  )
}

// Decisions marks decisions that changed something: hover or focus reads the reasons, a click opens the newest.
function Decisions({ group: g, cluster }: { group: ReturnType<typeof groupMarkers>[number]; cluster: string | undefined }) {
  const first = g.markers[0]!
  return (
    <Link
      to="/activity/$id"
      params={{ id: first.decision_id }}
      search={keep(cluster)}
      className={s.marker}
      style={{ left: `${g.x * 100}%` }}
      aria-label={`${g.markers.length > 1 ? `${g.markers.length} decisions, the newest` : 'Decision'} at ${clock(first.at)}: ${first.kind}: ${first.text}`}
    >
      <span className={s.sign} aria-hidden="true">{g.markers.length > 1 ? g.markers.length : symbol(first.kind)}</span>
      <span className={s.tip} style={g.x > 0.6 ? { right: 6 } : { left: 6 }}>
        {g.markers.slice(0, 4).map((m) => (
          <span key={m.decision_id}>
            <b>
              {clock(m.at)} {m.kind.replaceAll('+', ' + ')}
            </b>
            {m.text}
          </span>
        ))}
        {g.markers.length > 4 ? <span className="dim">and {g.markers.length - 4} more</span> : null}
      </span>
    </Link>
  )
}
