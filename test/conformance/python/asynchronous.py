import asyncio, signal, sys
async def child(n):
    await asyncio.sleep(0.01 * n)
    return n
async def main():
    print(await asyncio.gather(*(child(n) for n in range(5))), type(asyncio.get_running_loop()).__name__)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(input())", stdin=-1, stdout=-1)
    print(await process.communicate(b"hello\n"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print("signal"))
    signal.raise_signal(signal.SIGUSR1)
    await asyncio.sleep(0.05)
    asyncio.create_task(child(-1 / 0.0001)); task = asyncio.create_task(fail()); await asyncio.sleep(0)
async def fail():
    raise ValueError("never awaited")
asyncio.run(main())
