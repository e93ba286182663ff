package fhircase;

import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.DependencyDescriptor;
import org.springframework.beans.factory.support.DefaultListableBeanFactory;
import org.springframework.context.annotation.ContextAnnotationAutowireCandidateResolver;
import org.springframework.data.envers.repository.support.EnversRevisionRepositoryFactoryBean;
import org.springframework.data.repository.Repository;

/**
 * Sets up each of HAPI's sixty or so tables' repositories when it is first used, not at the start: most never are, and
 * the queries of each are parsed when it is set up.
 */
final class LazyRepositories extends ContextAnnotationAutowireCandidateResolver {
  static void prepare(ConfigurableListableBeanFactory beans) {
    for (String name : beans.getBeanDefinitionNames()) {
      BeanDefinition bean = beans.getBeanDefinition(name);
      if (EnversRevisionRepositoryFactoryBean.class.getName().equals(bean.getBeanClassName())) bean.setLazyInit(true);
    }
    LazyRepositories resolver = new LazyRepositories();
    resolver.setBeanFactory(beans);
    ((DefaultListableBeanFactory) beans).setAutowireCandidateResolver(resolver);
  }

  @Override
  protected boolean isLazy(DependencyDescriptor wanted) {
    return Repository.class.isAssignableFrom(wanted.getDependencyType()) || super.isLazy(wanted);
  }
}
