import type { Problem } from './types'

// Refusal is an answer that is not the one asked for. Its message is written for a person.
export class Refusal extends Error {
  readonly status: number // 0: no answer at all
  readonly code: string
  readonly requestId: string | undefined
  readonly fields: { location: string; message: string }[]

  constructor(status: number, detail: string, problem?: Partial<Problem>) {
    super(detail)
    this.name = 'Refusal'
    this.status = status
    this.code = problem?.code ?? ''
    this.requestId = problem?.request_id
    this.fields = problem?.errors ?? []
  }

  // field is what was said of one field of the request's body.
  field(name: string): string | undefined {
    return this.fields.find((f) => f.location === `body.${name}`)?.message
  }
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

// answer waits for a call of the generated client and returns its data, or throws a Refusal.
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  let a: Answer<T>
  try {
    a = await call
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e
    throw new Refusal(0, 'The manager does not answer. It may be restarting, or the network between you and it is down.')
  }
  if (a.response.ok) return a.data as T
  throw refusal(a.response, a.error)
}

// Tagged is a resource with the version that an edit of it names as its base.
export interface Tagged<T> {
  data: T
  etag: string
}

// tagged is answer for what will be edited.
export async function tagged<T>(call: Promise<Answer<T>>): Promise<Tagged<T>> {
  let etag = ''
  const data = await answer(
    call.then((a) => {
      etag = a.response.headers.get('ETag') ?? ''
      return a
    }),
  )
  return { data, etag }
}

export function refusal(response: Response, body: unknown): Refusal {
  const id = response.headers.get('X-Request-Id') ?? undefined
  if (body && typeof body === 'object' && 'detail' in body) {
    const p = body as Problem
    return new Refusal(response.status, p.detail || p.title, { ...p, request_id: p.request_id ?? id })
  }
  return new Refusal(response.status, `The manager answered ${response.status} ${response.statusText}`.trim() + '.', { request_id: id })
}

export const isRefusal = (e: unknown, status: number): e is Refusal => e instanceof Refusal && e.status === status
