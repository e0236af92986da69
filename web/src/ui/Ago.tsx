import { absolute, ago, span } from '../format/format'
import { useNow } from './now'

// Ago is a relative time; the absolute one, local and UTC, is on hover.
export function Ago({ at }: { at: string }) {
  const now = useNow()
  return (
    <time dateTime={at} title={absolute(at)} className="num">
      {ago(at, now)}
    </time>
  )
}

// Age is for how long something has been so.
export function Age({ since, until }: { since: string; until?: string | undefined }) {
  const now = useNow()
  const end = until ? new Date(until).getTime() : now
  const s = (end - new Date(since).getTime()) / 1000
  return (
    <time dateTime={since} title={`since ${absolute(since)}`} className="num">
      {span(s < 60 ? s : Math.floor(s / 60) * 60)}
    </time>
  )
}
