// Puts the server at a URL through every audit, one after another; prints what came of each, as JSON.
import { serverAudits } from "graphql-http";

const results = [];
for (const audit of serverAudits({ url: process.argv[2] })) {
  const { id, name, status, reason, response } = await audit.fn();
  results.push({ id, name, status, reason, answered: response?.status });
}
console.log(JSON.stringify(results));
