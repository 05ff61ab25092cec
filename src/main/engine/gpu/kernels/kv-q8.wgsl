// Keys and values as signed bytes, four in a word, then for each 32 dimensions a scale, f32: value = scale * byte.
alias KvWord = u32;
const KV_SCALES = (HEAD_WORDS + 7u) / 8u;
const KV_WORDS = HEAD_WORDS + KV_SCALES; // of a key or a value
