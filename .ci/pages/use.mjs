export async function use() { return []; }
