import { Button, Checkbox, NumberInput, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { NodeLink } from '../api/types'
import s from './configuration.module.css'
import { chosen, fresh, keyNamesQuery, said } from './links'

interface Props {
  links: readonly NodeLink[]
  changed: boolean
  readOnly: boolean
  error: (field: string) => string | undefined
  onChange: (links: NodeLink[]) => void
}

// Links edits the links of a cluster, one group of fields each.
export function Links({ links, changed, readOnly, error, onChange }: Props) {
  const { data } = useQuery({ ...keyNamesQuery, enabled: !readOnly })
  const put = (i: number, part: Partial<NodeLink>) => onChange(links.map((l, j) => (i === j ? { ...l, ...part } : l)))
  // Keys that links name and the list does not have, such as revoked ones, stay choosable.
  const known = new Map((data?.items ?? []).map((k) => [k.id, k.name]))
  for (const l of links) for (const k of l.access_keys ?? []) if (!known.has(k)) known.set(k, k)
  const keys = [...known].map(([value, label]) => ({ value, label }))
  if (readOnly) return links.length ? <ul className={s.linkList}>{links.map((l) => <li key={l.name}>{said(l)}</li>)}</ul> : <p className="dim">No links: only the caps of each node hold.</p>
  return (
    <div className={s.links} data-changed={changed ? 'yes' : undefined}>
      {links.map((l, i) => {
        const at = (field: string) => error(`links[${i}].${field}`)
        const rate = (field: 'in_mbps' | 'out_mbps', label: string) => (
          <NumberInput
            label={label}
            min={0}
            max={1_000_000}
            suffix=" Mb/s"
            placeholder="no limit"
            value={l[field] || ''}
            error={at(field)}
            onChange={(v) => put(i, { [field]: v === '' ? 0 : Number(v) })}
          />
        )
        return (
          // The place in the list is what a link is told by while its name is typed.
          <fieldset key={i} className={s.link} aria-label={`Link ${l.name}`}>
            <TextInput label="Name" value={l.name} maxLength={63} error={at('name')} onChange={(e) => put(i, { name: e.currentTarget.value })} />
            {rate('in_mbps', 'All nodes receive at most')}
            {rate('out_mbps', 'All nodes send at most')}
            <fieldset className={s.keys} aria-label={`Access keys of link ${l.name}`}>
              <legend>Access keys</legend>
              {keys.length === 0 && <p className="dim">There are none.</p>}
              {keys.map((k) => (
                <Checkbox key={k.value} label={k.label} checked={l.access_keys?.includes(k.value) ?? false} onChange={(e) => put(i, { access_keys: chosen(l, k.value, e.currentTarget.checked) })} />
              ))}
              {at('access_keys') && <p role="alert">{at('access_keys')}</p>}
            </fieldset>
            <Checkbox label="Also sessions that no link names" checked={l.default ?? false} error={at('default')} onChange={(e) => put(i, { default: e.currentTarget.checked })} />
            <Button size="xs" variant="default" onClick={() => onChange(links.filter((_, j) => j !== i))}>
              Remove {l.name || 'link'}
            </Button>
          </fieldset>
        )
      })}
      <div>
        <Button size="xs" variant="default" onClick={() => onChange([...links, fresh(links)])}>
          Add a link
        </Button>
      </div>
    </div>
  )
}
