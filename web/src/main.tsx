import '@mantine/core/styles.css'
import './tokens.css'

import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { onSessionEnd } from './api/client'
import { Refusal } from './api/refusal'
import { makeRouter } from './router'
import { theme } from './theme'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // Refusals are answers: only silence and faults of the server are worth another try.
      retry: (failures, e) => failures < 2 && !(e instanceof Refusal && e.status > 0 && e.status < 500),
    },
  },
})
const router = makeRouter(queries)

onSessionEnd(() => {
  const from = router.state.location.href
  if (from.startsWith('/sign-in') || from.startsWith('/setup')) return
  queries.removeQueries()
  void router.navigate({ to: '/sign-in', search: { from } })
})

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
