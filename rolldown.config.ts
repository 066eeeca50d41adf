import { defineConfig } from 'rolldown'

/** Loaded only where traces are wanted, from the packages beside the bundle. */
export const external = /^@opentelemetry\/(sdk-trace|resources|exporter-trace-otlp-http)$/

export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  external,
  output: { file: 'dist/vulcan.js', format: 'esm', sourcemap: true },
})
