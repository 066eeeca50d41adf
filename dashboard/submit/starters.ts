/** Programs to begin with: each shows output as it comes, and a result. */
import type { Runtime } from '../../src/api/runtimes.ts'

export type RuntimeName = Runtime['name']

export const starters: Readonly<Record<RuntimeName, string>> = {
  python: `import json, os, platform, time

print(f"Hello from Python {platform.python_version()}")
print(f"This kernel is my own: Linux {platform.release()}")

for step in range(1, 6):
    print(f"\\033[32mstep {step}\\033[0m of 5", flush=True)
    time.sleep(0.4)

with open(os.environ["VULCAN_RESULT"], "w") as file:
    json.dump({"steps": 5, "squares": [n * n for n in range(6)]}, file)
`,
  node: `import { writeFile } from 'node:fs/promises'
import { release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

console.log(\`Hello from Node \${process.version}\`)
console.log(\`This kernel is my own: Linux \${release()}\`)

for (let step = 1; step <= 5; step += 1) {
  console.log(\`\\u001b[32mstep \${step}\\u001b[0m of 5\`)
  await sleep(400)
}

await writeFile(process.env.VULCAN_RESULT, JSON.stringify({ steps: 5, squares: [0, 1, 4, 9, 16, 25] }))
`,
  go: `package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

func main() {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	fmt.Println("Hello from", runtime.Version())
	fmt.Println("This kernel is my own: Linux", strings.TrimSpace(string(release)))

	for step := 1; step <= 5; step++ {
		fmt.Printf("\\033[32mstep %d\\033[0m of 5\\n", step)
		time.Sleep(400 * time.Millisecond)
	}

	result, _ := json.Marshal(map[string]any{"steps": 5, "squares": []int{0, 1, 4, 9, 16, 25}})
	os.WriteFile(os.Getenv("VULCAN_RESULT"), result, 0o644)
}
`,
}

/** The name that code without one is given; Node's starter is a module. */
export const fileNames: Readonly<Record<RuntimeName, string>> = {
  python: 'main.py',
  node: 'main.mjs',
  go: 'main.go',
}

/** As people call them. */
export const runtimeLabels: Readonly<Record<RuntimeName, string>> = { python: 'Python', node: 'Node', go: 'Go' }
