import { Button, Modal, PasswordInput, Skeleton, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { meQuery, settingsQuery } from '../api/queries'
import { answer, Refusal, tagged } from '../api/refusal'
import type { Role } from '../account/may'
import type { User } from '../api/types'
import { Ago } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Same } from '../ui/Copy'
import form from '../ui/form.module.css'
import { Menu, type Item } from '../ui/Menu'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { providersQuery, usersQuery } from './queries'
import { RoleCards, roleText } from './roles'
import s from './settings.module.css'

type Deed = { kind: 'role' | 'name' | 'password' | 'disable' | 'remove'; user: User }

export function UsersPage() {
  const { data: users, error } = useQuery(usersQuery)
  const { data: me } = useQuery(meQuery)
  const [adding, setAdding] = useState(false)
  const [deed, setDeed] = useState<Deed>()
  const { data: providers } = useQuery(providersQuery)
  const close = () => setDeed(undefined)
  const cameBy = (u: User) => {
    const p = providers?.find((x) => x.id === u.provider_id)
    return p ? p.title || p.name : 'a provider'
  }
  return (
    <>
      <div className={s.bar}>
        <p className={s.lead}>People who may sign in here. Tenants, who only move files, have access keys instead.</p>
        <Button size="sm" onClick={() => setAdding(true)}>
          Add a user
        </Button>
      </div>
      <Trouble error={error} what="The users cannot be read" healed={!!users} />
      <Panel flush label="Users">
        {!users ? (
          error ? null : <Skeleton height={120} />
        ) : (
          <div className={ui.scroll}>
            <table className={`${ui.table} ${ui.cards}`}>
              <thead>
                <tr>
                  <th>Name</th><th>Role</th><th>Last seen</th><th>Added</th>
                  <th>
                    <span className="hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {users.map((u) => (
                  <tr key={u.id} className={u.disabled ? s.off : undefined}>
                    <td data-label="Name">
                      <strong>{u.name}</strong>
                      {me?.id === u.id ? <span className={s.tag}>you</span> : null}
                      {u.disabled ? <span className={s.tag}>disabled</span> : null}
                      {u.external ? <span className={s.tag}>by {cameBy(u)}</span> : null}
                    </td>
                    <td data-label="Role" title={roleText[u.role]}>
                      {u.role}
                    </td>
                    <td data-label="Last seen">{u.last_seen_at ? <Ago at={u.last_seen_at} /> : <span className="dim">never</span>}</td>
                    <td data-label="Added">
                      <Ago at={u.created_at} />
                    </td>
                    <td data-label="" className={ui.right}>
                      <Acts user={u} own={me?.id === u.id} onDeed={setDeed} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
      <Same command="godwit user list" />
      {adding ? <Add onClose={() => setAdding(false)} /> : null}
      {deed?.kind === 'role' ? <ChangeRole user={deed.user} onClose={close} /> : null}
      {deed?.kind === 'name' ? <Rename user={deed.user} onClose={close} /> : null}
      {deed?.kind === 'password' ? <NewPassword user={deed.user} onClose={close} /> : null}
      {deed?.kind === 'disable' ? <Disable user={deed.user} onClose={close} /> : null}
      {deed?.kind === 'remove' ? <Remove user={deed.user} onClose={close} /> : null}
    </>
  )
}

function Acts({ user, own, onDeed }: { user: User; own: boolean; onDeed: (d: Deed) => void }) {
  const items: Item[] = [{ key: 'role', label: 'Change role…', onPick: () => onDeed({ kind: 'role', user }) }]
  if (user.external) items.shift() // the provider says the role
  items.push({ key: 'name', label: 'Rename…', onPick: () => onDeed({ kind: 'name', user }) })
  if (!own) {
    if (!user.external) items.push({ key: 'password', label: 'New password…', onPick: () => onDeed({ kind: 'password', user }) })
    items.push({ key: 'disable', label: user.disabled ? 'Let sign in again…' : 'Disable…', danger: !user.disabled, onPick: () => onDeed({ kind: 'disable', user }) })
    items.push({ key: 'remove', label: 'Remove…', danger: true, onPick: () => onDeed({ kind: 'remove', user }) })
  }
  return items.length ? <Menu label={`Actions on ${user.name}`} items={items} /> : null
}

// useShortest is the least length of a new password, as the settings say; the manager checks it.
const useShortest = () => useQuery(settingsQuery).data?.password_min ?? 10

function Add({ onClose }: { onClose: () => void }) {
  const shortest = useShortest()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const queries = useQueryClient()
  const add = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/users', { body: { name: name.trim(), password, role } })),
    onSuccess: async () => {
      onClose()
      await queries.invalidateQueries({ queryKey: ['users'] })
    },
  })
  const refused = add.error instanceof Refusal ? add.error : undefined
  const submit = (e: FormEvent) => {
    e.preventDefault()
    add.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={<strong>Add a user</strong>} size="lg">
      <form onSubmit={submit} className={form.fields}>
        <TextInput label="Name" autoComplete="off" required maxLength={64} value={name} error={refused?.field('name')} onChange={(e) => setName(e.currentTarget.value)} />
        <PasswordInput
          label="First password"
          description={`At least ${shortest} characters. Tell it to them by a safe way; they change it under “Your account”.`}
          autoComplete="new-password"
          required
          minLength={shortest}
          value={password}
          error={refused?.field('password')}
          onChange={(e) => setPassword(e.currentTarget.value)}
        />
        <RoleCards value={role} onChange={setRole} />
        <Trouble error={add.error} what="The user was not added" />
        <div className={form.buttons}>
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" loading={add.isPending} disabled={!name.trim() || password.length < shortest}>
            Add the user
          </Button>
        </div>
        <Same command={`godwit user create ${name.trim() || 'NAME'} --role ${role}`} />
      </form>
    </Modal>
  )
}

function useChange(user: User, onClose: () => void, body: () => { role?: Role; name?: string; password?: string }) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: async () => {
      const path = { user: user.id }
      const { etag } = await tagged(client.GET('/api/v1/users/{user}', { params: { path } }))
      return answer(client.PATCH('/api/v1/users/{user}', { params: { path, header: { 'If-Match': etag } }, body: body() }))
    },
    onSuccess: async () => {
      onClose()
      await Promise.all(['users', 'me'].map((k) => queries.invalidateQueries({ queryKey: [k] })))
    },
  })
}

function ChangeRole({ user, onClose }: { user: User; onClose: () => void }) {
  const [role, setRole] = useState<Role>(user.role)
  const save = useChange(user, onClose, () => ({ role }))
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={<strong>Role of {user.name}</strong>} size="lg">
      <form onSubmit={submit} className={form.fields}>
        <RoleCards value={role} onChange={setRole} />
        <p className="dim">It holds from their next click on.</p>
        <Trouble error={save.error} what="The role was not changed" />
        <div className={form.buttons}>
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" loading={save.isPending} disabled={role === user.role}>
            Change
          </Button>
        </div>
        <Same command={`godwit user set ${user.name} --role ${role}`} />
      </form>
    </Modal>
  )
}

export function Rename({ user, onClose }: { user: User; onClose: () => void }) {
  const [name, setName] = useState(user.name)
  const wanted = name.trim()
  const save = useChange(user, onClose, () => ({ name: wanted }))
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={<strong>Rename {user.name}</strong>}>
      <form onSubmit={submit} className={form.fields}>
        <TextInput
          label="New name"
          description={user.external ? 'They sign in as before: the provider knows them by another name.' : 'They sign in with it from now on. What is open goes on, and so do their API tokens.'}
          autoComplete="off"
          required
          maxLength={64}
          value={name}
          error={save.error instanceof Refusal ? save.error.field('name') : undefined}
          onChange={(e) => setName(e.currentTarget.value)}
        />
        <p className="dim">What they did until now stays in the audit under the old name.</p>
        <Trouble error={save.error} what="The user was not renamed" />
        <div className={form.buttons}>
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" loading={save.isPending} disabled={!wanted || wanted === user.name}>
            Rename
          </Button>
        </div>
        <Same command={`godwit user set ${user.name} --name ${wanted || 'NAME'}`} />
      </form>
    </Modal>
  )
}

function NewPassword({ user, onClose }: { user: User; onClose: () => void }) {
  const shortest = useShortest()
  const [password, setPassword] = useState('')
  const save = useChange(user, onClose, () => ({ password }))
  const submit = (e: FormEvent) => {
    e.preventDefault()
    save.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={<strong>New password for {user.name}</strong>}>
      <form onSubmit={submit} className={form.fields}>
        <PasswordInput
          label="New password"
          description={`At least ${shortest} characters. Their sessions end; they sign in with it anew.`}
          autoComplete="new-password"
          required
          minLength={shortest}
          value={password}
          error={save.error instanceof Refusal ? save.error.field('password') : undefined}
          onChange={(e) => setPassword(e.currentTarget.value)}
        />
        <Trouble error={save.error} what="The password was not changed" />
        <div className={form.buttons}>
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" loading={save.isPending} disabled={password.length < shortest}>
            Change
          </Button>
        </div>
      </form>
    </Modal>
  )
}

function Disable({ user, onClose }: { user: User; onClose: () => void }) {
  const queries = useQueryClient()
  const off = !user.disabled
  return (
    <Confirm
      title={off ? `Disable ${user.name}?` : `Let ${user.name} sign in again?`}
      consequences={off ? ['Their sessions end now, and they cannot sign in.', 'Their API tokens do not work while it lasts.', 'It can be taken back at any time.'] : ['They sign in as before, and their API tokens work again.']}
      label={off ? `Disable ${user.name}` : `Let ${user.name} sign in`}
      danger={off}
      command={`godwit user ${off ? 'disable' : 'enable'} ${user.name}`}
      failed="The user was not changed"
      act={async () => {
        const path = { user: user.id }
        const { etag } = await tagged(client.GET('/api/v1/users/{user}', { params: { path } }))
        return answer(client.PATCH('/api/v1/users/{user}', { params: { path, header: { 'If-Match': etag } }, body: { disabled: off } }))
      }}
      onDone={() => queries.invalidateQueries({ queryKey: ['users'] })}
      onClose={onClose}
    />
  )
}

function Remove({ user, onClose }: { user: User; onClose: () => void }) {
  const queries = useQueryClient()
  return (
    <Confirm
      title={`Remove ${user.name}?`}
      consequences={['Their sessions end now, and their API tokens stop working: programs that use them, too.', 'What they did stays in the audit under their name.', 'They can be added again, with new tokens.']}
      label={`Remove ${user.name}`}
      danger
      typed={user.name}
      command={`godwit user delete ${user.name}`}
      failed="The user was not removed"
      act={() => answer(client.DELETE('/api/v1/users/{user}', { params: { path: { user: user.id } } }))}
      onDone={() => queries.invalidateQueries({ queryKey: ['users'] })}
      onClose={onClose}
    />
  )
}
