// The library has no types for its languages, which add themselves to it.
declare module "cronstrue/locales/*";
