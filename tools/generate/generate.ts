/** npm run generate: writes the document of the API as the server emits it, and the client's half of it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { clientOf } from './client.ts'
import { currentDocument, places } from './document.ts'

const text = await currentDocument()
await mkdir(dirname(places.document), { recursive: true })
await writeFile(places.document, text)
await writeFile(places.client, clientOf(text))
