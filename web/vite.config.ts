import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// GODWIT_MANAGER is where `npm run dev` finds the API: a manager of your own.
const manager = process.env.GODWIT_MANAGER ?? 'https://127.0.0.1:8443'

export default defineConfig({
  plugins: [react()],
  build: { target: 'es2023', assetsInlineLimit: 0, reportCompressedSize: false, chunkSizeWarningLimit: 1200 },
  server: { proxy: { '/api': { target: manager, secure: false, changeOrigin: true } } },
  test: { reporters: ['dot'], environment: 'happy-dom', setupFiles: ['./test/setup.ts'], include: ['src/**/*.test.{ts,tsx}'] },
})
