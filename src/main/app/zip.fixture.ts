import { crc32 } from 'node:zlib';

/** A zip with one stored member. */
export function storedZip(name: string, content: Buffer): Buffer {
  const crc = crc32(content);
  const fields = (signature: number, extra: readonly [number, number][], length: number) => {
    const header = Buffer.alloc(length);
    header.writeUInt32LE(signature, 0);
    for (const [offset, value] of extra) header.writeUInt32LE(value, offset);
    return header;
  };
  const local = fields(
    0x04034b50,
    [
      [14, crc],
      [18, content.length],
      [22, content.length],
    ],
    30,
  );
  local.writeUInt16LE(name.length, 26);
  const central = fields(
    0x02014b50,
    [
      [16, crc],
      [20, content.length],
      [24, content.length],
    ],
    46,
  );
  central.writeUInt16LE(name.length, 28);
  const offset = local.length + name.length + content.length;
  const end = fields(
    0x06054b50,
    [
      [12, central.length + name.length],
      [16, offset],
    ],
    22,
  );
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  return Buffer.concat([local, Buffer.from(name), content, central, Buffer.from(name), end]);
}
