import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState, type KeyboardEvent } from 'react'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import { keep, useCluster } from './cluster'
import s from './shell.module.css'

interface Hit {
  to: '/nodes/$id' | '/transfers/$id'
  id: string
  name: string
  what: string
}

const shown = 8

// find asks for nodes and transfers by name, id or address; the two lists arrive together so that nothing jumps.
async function find(q: string, signal: AbortSignal): Promise<Hit[]> {
  const [nodes, transfers] = await Promise.all([
    answer(client.GET('/api/v1/nodes', { params: { query: { q, limit: shown } }, signal })),
    answer(client.GET('/api/v1/transfers', { params: { query: { q, limit: shown } }, signal })),
  ])
  return [
    ...nodes.items.slice(0, shown).map((n): Hit => ({ to: '/nodes/$id', id: n.id, name: n.name, what: `node · ${n.state}${n.address ? ` · ${n.address}` : ''}` })),
    ...transfers.items.slice(0, shown).map((t): Hit => ({ to: '/transfers/$id', id: t.id, name: t.name || t.id, what: `transfer · ${t.state}` })),
  ]
}

export function SearchBox() {
  const cluster = useCluster()
  const [text, setText] = useState('')
  const [open, setOpen] = useState(false)
  const [picked, setPicked] = useState(0)
  const [q] = useDebouncedValue(text.trim(), 180)
  const navigate = useNavigate()
  const { data: hits, isFetching } = useQuery({ queryKey: ['search', q], queryFn: ({ signal }) => find(q, signal), enabled: q.length > 1 })
  const close = () => {
    setOpen(false)
    setText('')
    setPicked(0)
  }
  const key = (e: KeyboardEvent<HTMLInputElement>) => {
    const n = hits?.length ?? 0
    if (e.key === 'Escape') {
      close()
      e.currentTarget.blur()
    } else if (e.key === 'ArrowDown' && n) {
      e.preventDefault()
      setPicked((picked + 1) % n)
    } else if (e.key === 'ArrowUp' && n) {
      e.preventDefault()
      setPicked((picked + n - 1) % n)
    } else if (e.key === 'Enter' && hits?.[picked]) {
      const hit = hits[picked]
      close()
      e.currentTarget.blur()
      void navigate({ to: hit.to, params: { id: hit.id }, search: keep(cluster) })
    }
  }
  return (
    <div className={s.search} onBlur={(e) => !e.currentTarget.contains(e.relatedTarget) && setOpen(false)}>
      <input
        id="search"
        type="search"
        role="combobox"
        aria-expanded={open && q.length > 1}
        aria-controls="search-results"
        aria-label="Search nodes, transfers and addresses"
        placeholder="Search"
        autoComplete="off"
        value={text}
        onFocus={() => setOpen(true)}
        onChange={(e) => {
          setText(e.currentTarget.value)
          setPicked(0)
          setOpen(true)
        }}
        onKeyDown={key}
      />
      {text ? null : <kbd>/</kbd>}
      {open && q.length > 1 && hits ? (
        <div className={s.results} id="search-results" role="listbox" aria-label="Found">
          {hits.map((h, i) => (
            <Link key={h.to + h.id} to={h.to} params={{ id: h.id }} search={keep(cluster)} role="option" aria-selected={i === picked} onClick={close}>
              {h.name} <span>{h.what}</span>
            </Link>
          ))}
          {hits.length === 0 && !isFetching ? <p>No node or transfer has “{q}” in its name, id or address.</p> : null}
        </div>
      ) : null}
    </div>
  )
}
