import { createContext, type ComponentChildren, type VNode } from 'preact'
import { useContext } from 'preact/hooks'
import { languages, type InEach, type Language } from '../language.js'

const Spoken = createContext<Language>(languages[0])

/** Everything inside is said in `language`. */
export function InLanguage(props: { language: Language; children: ComponentChildren }): VNode {
  return <Spoken.Provider value={props.language}>{props.children}</Spoken.Provider>
}

/**
 * The words of a message file in the language of the page that is being rendered. For components, while they render.
 *
 * @example const words = useWords(homeWords)
 */
export function useWords<Words>(all: InEach<Words>): Words {
  return all[useContext(Spoken)]
}

export function useLanguage(): Language {
  return useContext(Spoken)
}
