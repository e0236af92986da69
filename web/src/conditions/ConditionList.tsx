import { Link } from '@tanstack/react-router'
import type { ClusterCondition } from '../api/types'
import { initial, span } from '../format/format'
import { useNames } from '../nodes/names'
import { Age, Ago } from '../ui/Ago'
import s from './conditions.module.css'

// ConditionList says of each condition what is the matter, since when, and what to do next; those that ended are grey.
export function ConditionList({ list }: { list: ClusterCondition[] }) {
  const name = useNames()
  return (
    <ul className={s.list}>
      {list.map((c) => (
        <li key={c.id} data-open={c.until ? 'no' : 'yes'}>
          <span className={s.mark} aria-hidden="true">
            {c.until ? '✓' : '!'}
          </span>
          <div>
            <p className={s.text}>
              <Link to="/clusters/$name" params={{ name: c.cluster.name }}>
                {c.cluster.name}
              </Link>{' '}
              <span>{initial(name(c.text))}</span>
            </p>
            {c.until || !c.next ? null : <p className={s.next}>{initial(name(c.next))}</p>}
          </div>
          <span className={s.when}>
            {c.until ? (
              <>
                over since <Ago at={c.until} />, lasted {span((Date.parse(c.until) - Date.parse(c.since)) / 1000)}
              </>
            ) : (
              <>
                for <Age since={c.since} />
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  )
}
