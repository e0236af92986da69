import { useId, useRef, type KeyboardEvent, type ReactNode } from 'react'
import s from './menu.module.css'

export interface Item {
  key: string
  label: ReactNode
  danger?: boolean
  onPick: () => void
}

interface Props {
  label: string
  items: Item[]
  trigger?: ReactNode // three dots, unless something else is given
  className?: string | undefined // of the button
}

// Menu is a button with a short list of acts. The browser's popover brings it to the top and closes it on Escape and on
// a press elsewhere; arrow keys walk through it.
export function Menu({ label, items, trigger = '⋯', className = s.button }: Props) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const place = () => {
    const l = list.current
    const b = button.current?.getBoundingClientRect()
    if (!l || !b) return
    l.style.left = `${Math.max(8, b.right - l.offsetWidth)}px`
    l.style.top = `${b.bottom + l.offsetHeight + 8 > window.innerHeight ? b.top - l.offsetHeight - 4 : b.bottom + 4}px`
    l.querySelector('button')?.focus()
  }
  const walk = (e: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    if (!step) return
    e.preventDefault()
    const all = [...(list.current?.querySelectorAll('button') ?? [])]
    all[(all.indexOf(document.activeElement as HTMLButtonElement) + step + all.length) % all.length]?.focus()
  }
  return (
    <>
      <button ref={button} type="button" className={className} aria-label={typeof trigger === 'string' ? label : undefined} aria-haspopup="menu" popoverTarget={id}>
        {trigger}
      </button>
      <div ref={list} id={id} popover="auto" role="menu" aria-label={label} className={s.list} onToggle={(e) => e.newState === 'open' && place()} onKeyDown={walk}>
        {items.map((i) => (
          <button
            key={i.key}
            type="button"
            role="menuitem"
            tabIndex={-1}
            data-danger={i.danger ? 'yes' : undefined}
            onClick={() => {
              list.current?.hidePopover()
              i.onPick()
            }}
          >
            {i.label}
          </button>
        ))}
      </div>
    </>
  )
}
