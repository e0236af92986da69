import { Button, Skeleton } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { client } from '../api/client'
import { meQuery } from '../api/queries'
import { answer } from '../api/refusal'
import { Ago } from '../ui/Ago'
import { Same } from '../ui/Copy'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { browserOf } from './agent'
import { sessionsQuery } from './queries'
import s from './settings.module.css'

export function SessionsPage() {
  const { data: sessions, error } = useQuery(sessionsQuery)
  const { data: me } = useQuery(meQuery)
  const queries = useQueryClient()
  const end = useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/v1/sessions/{session}', { params: { path: { session: id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['sessions'] }),
  })
  return (
    <>
      <p className={s.lead}>{me?.role === 'admin' ? 'Who is signed in, and where.' : 'Where you are signed in.'} Ending a session signs it out at once.</p>
      <Trouble error={error} what="The sessions cannot be read" healed={!!sessions} />
      <Trouble error={end.error} what="The session was not ended" />
      <Panel flush label="Sessions">
        {!sessions ? (
          error ? null : <Skeleton height={120} />
        ) : (
          <div className={ui.scroll}>
            <table className={`${ui.table} ${ui.cards}`}>
              <thead>
                <tr>
                  <th>Who</th><th>With</th><th>From</th><th>Last used</th><th>Ends</th>
                  <th>
                    <span className="hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {sessions.map((x) => (
                  <tr key={x.id}>
                    <td data-label="Who">
                      <strong>{x.user.name}</strong>
                      {x.current ? <span className={s.tag}>this one</span> : null}
                    </td>
                    <td data-label="With" title={x.agent}>
                      {browserOf(x.agent ?? '')}
                    </td>
                    <td data-label="From">{x.address ? <code>{x.address}</code> : <span className="dim">–</span>}</td>
                    <td data-label="Last used">
                      <Ago at={x.last_used_at} />
                    </td>
                    <td data-label="Ends">
                      <Ago at={x.expires_at} />
                    </td>
                    <td data-label="" className={ui.right}>
                      {x.current ? null : (
                        <Button size="compact-xs" variant="default" c="var(--bad)" loading={end.isPending && end.variables === x.id} onClick={() => end.mutate(x.id)} aria-label={`End the session of ${x.user.name}`}>
                          End
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
      <Same command="godwit session list" />
    </>
  )
}
