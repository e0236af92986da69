import { Button, Skeleton } from '@mantine/core'
import { useState } from 'react'
import { who } from '../format/who'
import { Ago } from './Ago'
import { Changes, type Line } from './Changes'
import { Panel } from './Page'
import { Trouble } from './Trouble'
import ui from './ui.module.css'
import s from './versions.module.css'

export interface Version<T> {
  version: number
  author?: string | undefined
  created_at: string
  doc: T
}

interface Props<T> {
  list: Version<T>[] | undefined // newest first; undefined while it is read
  error: unknown
  current: { version: number; doc: T }
  linesOf: (before: T, after: T) => Line[]
  take?: string | undefined // the words of the button that takes an older version; without it there is none
  onTake: (v: Version<T>) => void
  more: (() => void) | undefined // reads older ones, where there are any
}

// Versions are what a document was, each with what it changed, or with what has changed since.
export function Versions<T>({ list, error, current, linesOf, take, onTake, more }: Props<T>) {
  const [against, setAgainst] = useState<number>()
  return (
    <Panel title="Versions" flush>
      <Trouble error={error} what="The versions cannot be read" healed={!!list} />
      {list || error ? null : <Skeleton height={60} m={14} w="auto" />}
      <ol className={s.versions}>
        {(list ?? []).map((v, i, all) => {
          const older = all[i + 1]
          const isCurrent = v.version === current.version
          const compared = against === v.version
          const lines = compared ? linesOf(v.doc, current.doc) : older ? linesOf(older.doc, v.doc) : []
          return (
            <li key={v.version}>
              <div className="row" style={{ justifyContent: 'space-between' }}>
                <span>
                  <strong>Version {v.version}</strong> {isCurrent ? <span className="dim">in force</span> : null} · {who(v.author) || 'from the start'} · <Ago at={v.created_at} />
                </span>
                {isCurrent ? null : (
                  <span className="row">
                    <Button size="compact-xs" variant="subtle" aria-pressed={compared} onClick={() => setAgainst(compared ? undefined : v.version)}>
                      {compared ? 'what it changed' : 'compare with now'}
                    </Button>
                    {take ? (
                      <Button size="compact-xs" variant="default" onClick={() => onTake(v)}>
                        {take}
                      </Button>
                    ) : null}
                  </span>
                )}
              </div>
              {compared ? <span className="dim">Since then, up to now:</span> : null}
              {lines.length ? <Changes lines={lines} caption={compared ? `Changes since version ${v.version}` : `Changes of version ${v.version}`} /> : <span className="dim">{compared ? 'the same as now' : older ? 'changed nothing' : more ? '' : 'the first one'}</span>}
            </li>
          )
        })}
      </ol>
      {more ? (
        <div className={ui.more}>
          <Button size="xs" variant="default" onClick={more}>
            Older
          </Button>
        </div>
      ) : null}
    </Panel>
  )
}
