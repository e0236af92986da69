// Long tables: above some rows only those in sight are in the page, in a field of its own that scrolls.
import { useVirtualizer } from '@tanstack/react-virtual'
import { useRef, type HTMLAttributes, type RefObject } from 'react'

const virtualFrom = 100

interface Rows {
  scroller: RefObject<HTMLDivElement | null>
  many: boolean
  from: number // index of the first row in the page
  to: number // index behind the last
  field: HTMLAttributes<HTMLDivElement> // of the scroller
}

// useRows says which of count rows of a height are to be drawn. rest is what of the window's height the field leaves.
export function useRows(count: number, height: number, label: string, rest: number): Rows {
  const scroller = useRef<HTMLDivElement>(null)
  const many = count > virtualFrom
  const virtual = useVirtualizer({ count: many ? count : 0, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: 10 })
  const items = virtual.getVirtualItems()
  return {
    scroller,
    many,
    from: many ? (items[0]?.index ?? 0) : 0,
    to: many ? (items.at(-1)?.index ?? -1) + 1 : count,
    field: many
      ? { style: { height: `calc(100vh - ${rest}px)`, minHeight: 320, overflowY: 'auto' }, tabIndex: 0, role: 'region', 'aria-label': `${label}, scrollable` }
      : {},
  }
}
