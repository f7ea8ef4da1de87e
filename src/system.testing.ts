/** What the system under the tests is; a test that needs more than it has is skipped, and says in its name what it needs. */

/**
 * Signals that can be heard and told apart, files that can be removed while they are open, permissions, devices, named pipes:
 * everywhere but on Windows.
 */
export const isPosix = process.platform !== "win32";
