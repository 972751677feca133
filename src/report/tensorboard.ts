/** The bytes of TensorBoard's event files: TFRecords of `Event` messages. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** What one record of an event file holds: the file's version, which comes first, or scalars by tag. */
export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step?: number;
  readonly fileVersion?: 'brain.Event:2';
  readonly scalars?: Readonly<Record<string, number>>;
}

/** A record: length, masked CRC of the length, the event, masked CRC of the event; all little-endian. */
export function eventBytes(event: Event): Uint8Array {
  const data = encode(event);
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return bytes;
}

/** The numbers of a line of `metrics.jsonl` by TensorBoard's tags: what stands before `/` groups its charts. */
export function scalarsOf(record: Readonly<Record<string, unknown>>): Record<string, number> {
  const numbers = Object.entries(record).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && !['epoch', 'step'].includes(entry[0]),
  );
  return Object.fromEntries(numbers.map(([name, value]) => [name.replace(/^(train|test)_/, '$1/'), value]));
}

/** The messages `Event`, `Summary` and `Summary.Value` of tensorboard/compat/proto. */
function encode({ wallTime, step = 0, fileVersion, scalars }: Event): Uint8Array {
  const event = new BinaryWriter().tag(1, WireType.Bit64).double(wallTime);
  if (step !== 0) event.tag(2, WireType.Varint).int64(step);
  if (fileVersion !== undefined) event.tag(3, WireType.LengthDelimited).string(fileVersion);
  if (scalars !== undefined) {
    event.tag(5, WireType.LengthDelimited).fork();
    for (const [tag, value] of Object.entries(scalars)) {
      event.tag(1, WireType.LengthDelimited).fork();
      event.tag(1, WireType.LengthDelimited).string(tag).tag(2, WireType.Bit32).float(Math.fround(value)).join();
    }
    event.join();
  }
  return event.finish();
}

/** CRC-32C (Castagnoli) of each byte. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = (byte >>> 1) ^ (byte & 1 ? 0x82f63b78 : 0);
  return byte;
});

function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** As TFRecords have it, so that the CRC of data that holds CRCs stays a good one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
