import { useMediaQuery } from '@mantine/hooks'
import { useEffect, useRef, type MouseEvent } from 'react'
import type { FlockNode, NodeState } from '../api/types'
import { outline, shapes } from '../nodes/state'
import { cellAt, place, type Comb } from './flock'

interface Props {
  nodes: FlockNode[]
  comb: Comb
  on: (n: FlockNode | undefined) => void
  open: (n: FlockNode) => void
}

// FlockCanvas draws thousands of cells. Keyboard and screen readers use the legend, which leads to the same nodes as a table.
export function FlockCanvas({ nodes, comb: c, on, open }: Props) {
  const dark = useMediaQuery('(prefers-color-scheme: dark)')
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const el = canvas.current
    const g = el?.getContext('2d')
    if (!el || !g) return
    const scale = window.devicePixelRatio || 1
    el.width = Math.round(c.width * scale)
    el.height = Math.round(c.height * scale)
    g.scale(scale, scale)
    const css = getComputedStyle(document.documentElement)
    const colours = new Map<string, string>()
    const colour = (name: string) => {
      let v = colours.get(name)
      if (v === undefined) colours.set(name, (v = css.getPropertyValue(name).trim()))
      return v
    }
    const paths = new Map<string, Path2D>()
    nodes.forEach((n, i) => {
      const shape = shapes[n.state as NodeState] ?? 'dot'
      let path = paths.get(shape)
      if (!path) paths.set(shape, (path = new Path2D(outline(shape, c.radius))))
      const [x, y] = place(c, i)
      const bad = n.state === 'failed' || n.state === 'lost'
      g.save()
      g.translate(x, y)
      g.fillStyle = g.strokeStyle = colour(bad ? '--bad' : n.state === 'running' ? `--pool-${n.pool || 'none'}` : '--pool-none')
      if (n.state === 'running' || shape === 'dot' || shape === 'diamond') {
        g.globalAlpha = n.state === 'running' ? 0.35 + 0.65 * Math.min(1, n.utilization) : 1
        g.fill(path)
        g.globalAlpha = 1
      }
      g.lineWidth = Math.min(1, c.radius / 4)
      g.stroke(path)
      g.restore()
    })
  }, [nodes, dark, c.width, c.height, c.radius, c.columns, c.left])
  const under = (e: MouseEvent<HTMLCanvasElement>) => nodes[cellAt(c, nodes.length, e.nativeEvent.offsetX, e.nativeEvent.offsetY)]
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={`${nodes.length} nodes, one cell each; the list below counts them by pool and state`}
      style={{ width: c.width, height: c.height, display: 'block' }}
      onMouseMove={(e) => on(under(e))}
      onClick={(e) => {
        const n = under(e)
        if (n) open(n)
      }}
    />
  )
}
